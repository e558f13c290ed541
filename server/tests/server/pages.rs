//! The pages behind the server: what is served, with which headers, and what is not.

use std::fs;

use serde_json::json;
use server::{Settings, pages};
use tempfile::TempDir;

use crate::{Server, api::Scene, ask, file, settings};

const INDEX: &str = r#"<!doctype html><html><head><meta charset="utf-8" />
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'" /></head><body>pool</body></html>"#;

fn given(scene: &Scene, pages: &TempDir, frame_ancestors: &[&str]) -> Settings {
    let deployment = json!({ "chainId": 412346, "contracts": { "pool": scene.contracts.pool }, "server": true });
    let frame_ancestors = frame_ancestors.iter().map(|origin| (*origin).to_owned()).collect();
    let pages = pages::Settings { folder: pages.path().to_owned(), deployment, frame_ancestors };
    Settings { pages: Some(pages), ..settings(&scene.node.url, &file(scene.folder.path()), &scene.contracts) }
}

#[test]
fn pages_are_served_beside_the_api_with_the_policy_that_they_state() {
    let (scene, outside, folder) = (Scene::new(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let secret = outside.path().join("secret.txt");
    fs::write(&secret, "secret").unwrap();
    fs::write(folder.path().join("index.html"), INDEX).unwrap();
    fs::create_dir(folder.path().join("assets")).unwrap();
    let script = "export const words = [\"active\", \"inactive\", \"borrowed\"];\n".repeat(50);
    fs::write(folder.path().join("assets/app-1a2b.js"), &script).unwrap();
    fs::write(folder.path().join("assets/engine.worker-3c4d.js"), "onmessage = null").unwrap();
    fs::write(folder.path().join("engine.wasm"), b"\0asm").unwrap();
    std::os::unix::fs::symlink(&secret, folder.path().join("link.txt")).unwrap();
    let server = Server::start(given(&scene, &folder, &["https://app.safe.global"]));
    server.reaches(&scene.node.head().1);

    let page = server.answer("/");
    assert_eq!((page.status, page.kind.as_str(), page.body.as_str()), (200, "text/html; charset=utf-8", INDEX));
    let policy = "default-src 'none'; script-src 'self'; frame-ancestors https://app.safe.global";
    assert_eq!(page.header("content-security-policy"), policy);
    assert_eq!((page.header("x-content-type-options"), page.header("cache-control")), ("nosniff", "no-cache"));
    let url = format!("{}/index.html", server.url);
    assert_eq!(ask(&url, &[("if-none-match", page.header("etag"))]).status, 304);
    // As browsers ask for an image, which the API would refuse.
    let asset = ask(&format!("{}/assets/app-1a2b.js", server.url), &[("accept", "image/png")]);
    assert_eq!((asset.kind.as_str(), asset.body.as_str()), ("text/javascript; charset=utf-8", script.as_str()));
    assert!(asset.header("cache-control").contains("immutable"), "{asset:?}");
    assert_eq!(asset.header("content-security-policy"), policy);
    let worker = server.answer("/assets/engine.worker-3c4d.js");
    assert!(worker.header("content-security-policy").contains("; script-src 'self' 'wasm-unsafe-eval'; frame-"));
    assert_eq!(server.answer("/engine.wasm").kind, "application/wasm");
    let squeezed = raw(&server.url, "GET /assets/app-1a2b.js HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br, gzip\r\n");
    let (head, body) = squeezed.split_at(squeezed.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4);
    assert!(String::from_utf8_lossy(head).contains("content-encoding: gzip"));
    assert!(body.starts_with(&[0x1f, 0x8b]) && body.len() < script.len() / 4);

    let deployment = server.get("/deployment.json");
    assert_eq!((deployment["chainId"].as_u64(), deployment["server"].as_bool()), (Some(412_346), Some(true)));
    assert_eq!(server.get("/v1/pool")["data"]["address"], scene.contracts.pool.to_string());
    for path in
        ["/link.txt", "/nothing", "/assets", "/assets/", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "//index.html"]
    {
        let answer = server.answer(path);
        assert_eq!((answer.status, answer.kind.as_str()), (404, "application/problem+json"), "{path}: {answer:?}");
    }
    drop(server);

    let server = Server::start(given(&scene, &folder, &[]));
    assert!(server.answer("/").header("content-security-policy").ends_with("frame-ancestors 'none'"));
    drop(server);
    let refused = |origin: &str| format!("{:#}", Server::try_start(given(&scene, &folder, &[origin])).err().unwrap());
    for origin in ["*", "https://a.example; script-src *", "https://a.example https://b.example", "https://", "'self'"]
    {
        assert!(refused(origin).contains("an origin like"), "{origin}");
    }
    fs::write(folder.path().join("index.html"), "<html></html>").unwrap();
    assert!(refused("https://app.safe.global").contains("no content security policy"));
    fs::remove_file(folder.path().join("index.html")).unwrap();
    assert!(refused("https://app.safe.global").contains("scripts/web build"));
}

/// The bytes of an answer.
fn raw(url: &str, request: &str) -> Vec<u8> {
    use std::io::{Read, Write};

    let mut stream = std::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(format!("{request}Connection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}
