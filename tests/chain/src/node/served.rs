//! A node in this process, reached as others are.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use serde_json::{Value, json};
use tokio::{runtime::Runtime, sync::oneshot};

use super::{Limits, Node, Server};

/// A node that listens on a free port of this machine, on threads of its own, until it is dropped.
#[derive(Debug)]
pub struct Served {
    /// The node.
    pub node: Arc<Node>,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it runs on.
    pub runtime: Runtime,
    stop: Option<oneshot::Sender<()>>,
}

impl Served {
    /// Starts to listen.
    ///
    /// # Errors
    ///
    /// If the operating system gives no threads or no port.
    pub fn new(node: Node, limits: Limits) -> io::Result<Self> {
        let node = Arc::new(node);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = runtime.block_on(Server::bind(node.clone(), free, limits))?;
        let address = server.address()?;
        let (stop, stopped) = oneshot::channel::<()>();
        runtime.spawn(server.run(async { drop(stopped.await) }));
        Ok(Self { node, address, runtime, stop: Some(stop) })
    }

    /// Its URL for HTTP.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no more requests; those that are open are finished.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Whoever does not listen has stopped.
            let _ = stop.send(());
        }
    }

    /// Asks the node, past the network.
    ///
    /// # Errors
    ///
    /// The error of its answer.
    pub fn ask(&self, method: &str, params: &Value) -> Result<Value, Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.node.handle(request.to_string().as_bytes()).unwrap_or_default();
        let mut answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        match answer.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(answer["error"].take()),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}
