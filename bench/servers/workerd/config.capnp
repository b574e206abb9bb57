using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "fresh", worker = .fresh), (name = "reused", worker = .reused)],
  sockets = [
    (name = "fresh", http = (), service = "fresh"),
    (name = "reused", http = (), service = "reused"),
  ],
);

const fresh :Workerd.Worker = (
  modules = [(name = "fresh", esModule = embed "fresh.js"), (name = "echo.wasm", wasm = embed "echo.wasm")],
  compatibilityDate = "2025-01-01",
);

const reused :Workerd.Worker = (
  modules = [(name = "reused", esModule = embed "reused.js"), (name = "echo.wasm", wasm = embed "echo.wasm")],
  compatibilityDate = "2025-01-01",
);
