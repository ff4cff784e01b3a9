"""Notes about the device that are printed before the work starts."""

from instag.cli.terminal import Terminal


def announce_compilation(terminal: Terminal, device: str) -> None:
    """Explain why the first use of a GPU starts slowly."""
    from instag.runtime.device import device_named, gsplat_built

    if device_named(device).type != "cpu" and not gsplat_built():
        terminal.note("Compiling gsplat's kernels for this GPU: once, some minutes.")
