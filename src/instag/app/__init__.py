"""The server: live heads in a browser, and the page that learns, keeps and shows them."""
