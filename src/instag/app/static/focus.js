// Focus that stays where a person was, though what they were at is made anew.

/** Do `work`, which makes anew what an element holds. A focus within it goes to what has the same
    data-key then, else to what `otherwise` returns. */
export function keepingFocus(element, work, otherwise) {
  const was = element.contains(document.activeElement) ? document.activeElement : null;
  work();
  if (!was || was.isConnected) return;
  const key = was.dataset.key;
  const again = key ? element.querySelector(`[data-key="${CSS.escape(key)}"]`) : null;
  (again ?? otherwise())?.focus();
}
