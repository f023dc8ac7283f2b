// A server that ends with its page knows by this connection that the page is open.

export function stay() {
  const address = new URL("page/presence", document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  address.hash = "";
  const socket = new WebSocket(address, "genrekit.v1");
  socket.addEventListener("close", ({ code }) => {
    if (code === 1006) setTimeout(stay, 1000);
  });
}
