// The one event stream of this browser. Tabs share it: with a stream each, the seventh tab would never load.
"use strict";

const ports = new Set();
let newest = null;

function open() {
  const source = new EventSource("/events");
  source.onmessage = (event) => {
    newest = event.data;
    for (const port of ports) port.postMessage(newest);
  };
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(open, 3000);
  };
}

self.onconnect = (event) => {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = () => ports.delete(port); // the tab says goodbye
  if (newest !== null) port.postMessage(newest);
};

open();
