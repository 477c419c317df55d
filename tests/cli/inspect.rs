//! `arazzo inspect`: what somebody wants to know before trusting a document.

use serde_json::{Value, json};

use super::{Arazzo, Folder, PROVISION};

#[test]
fn it_says_what_a_workflow_touches() {
    let output = Arazzo::new(["inspect", PROVISION]).run();
    output.exits(0);
    for line in [
        "sends to  app.daytona.io   POST /volumes   GET /volumes/{volumeId}   POST /sandbox",
        "secrets   apiToken → header Authorization on app.daytona.io",
        "changes   2 unsafe calls, no step cleans up",
        "loops     pollVolume → pollVolume, bounded by the limits of the run only",
    ] {
        output.check(output.stdout.lines().any(|known| known == line), line);
    }
    output.check(!output.stdout.contains("asks for"), "nothing that the document gives itself");
    let output = Arazzo::new(["inspect", PROVISION, "--json"]).run();
    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    let touches = &found["workflows"][0]["touches"];
    assert_eq!((&found["v"], &found["files"][0]), (&json!(1), &json!(PROVISION)));
    let secret = json!([{ "name": "apiToken", "to": "header Authorization", "host": "app.daytona.io" }]);
    assert_eq!(touches["secrets"], secret);
    assert_eq!(
        (&touches["loops"][0]["from"], &touches["loops"][0]["span"]["line"]),
        (&json!("pollVolume"), &json!(94))
    );
}

#[test]
fn it_says_which_credentials_are_asked_for_and_what_cleans_up() {
    let folder = Folder::new();
    let api = json!({
        "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "servers": [{ "url": "https://api.example:8443/v1" }],
        "paths": {
            "/token": { "post": { "operationId": "login", "security": [] } },
            "/things": { "$ref": "parts/things.json" },
        },
        "components": { "securitySchemes": {
            "key": { "type": "apiKey", "in": "query", "name": "key" },
            "oauth": { "type": "oauth2", "flows": { "clientCredentials": { "tokenUrl": "https://id.example/token", "scopes": {} } } },
        } },
        "security": [{ "key": [] }, { "oauth": [] }],
    });
    folder.write("api.json", api.to_string());
    folder.write("parts/things.json", r#"{ "post": { "operationId": "make" }, "delete": { "operationId": "drop" } }"#);
    let steps = json!([
        { "stepId": "login", "operationId": "login", "requestBody": { "payload": { "password": "$inputs.password" } }, "outputs": { "token": "$response.body#/token" } },
        { "stepId": "make", "operationId": "make", "parameters": [{ "name": "X-Token", "in": "header", "value": "$steps.login.outputs.token" }] },
        { "stepId": "drop", "operationId": "drop", "onFailure": [{ "name": "again", "type": "goto", "stepId": "make" }] },
    ]);
    let flow = json!({
        "arazzo": "1.0.1", "info": { "title": "t", "version": "1" }, "sourceDescriptions": [{ "name": "api", "url": "api.json", "type": "openapi" }],
        "workflows": [{ "workflowId": "w", "inputs": { "type": "object", "properties": { "password": { "type": "string" } } }, "steps": steps }],
    });
    folder.write("flow.json", flow.to_string());
    let output = Arazzo::new(["inspect", "flow.json"]).cwd(folder.path()).run();
    output.exits(0);
    for line in [
        "reads     api (api.json)",
        "          parts/things.json",
        "sends to  api.example:8443   POST /token   POST /things   DELETE /things",
        "secrets   password → body on api.example:8443",
        "          login.token → header X-Token on api.example:8443",
        "asks for  key of api → api.example:8443   (--auth key=…)",
        "          oauth of api → api.example:8443, id.example   (--auth oauth=…)",
        "changes   3 unsafe calls, deleting: drop",
        "loops     drop → make, bounded by the limits of the run only",
    ] {
        output.check(output.stdout.lines().any(|known| known == line), line);
    }
}

#[test]
fn it_shows_every_host_that_a_run_may_call() {
    let folder = Folder::new();
    let api = json!({
        "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "servers": [{ "url": "https://api.example" }],
        "paths": {
            "/things": { "get": { "operationId": "list", "security": [{ "oauth": [] }] } },
            "/found": { "get": { "operationId": "find", "security": [{ "found": [] }] } },
            "/other": { "get": { "operationId": "other", "servers": [{ "url": "https://other.example:8443" }] } },
        },
        "components": { "securitySchemes": {
            "oauth": { "type": "oauth2", "flows": { "clientCredentials": {
                "tokenUrl": "https://id.example/token", "refreshUrl": "https://fresh.example/token", "scopes": {}
            } } },
            "found": { "type": "openIdConnect", "openIdConnectUrl": "https://open.example/configuration" },
        } },
    });
    folder.write("api.json", api.to_string());
    let flow = json!({
        "arazzo": "1.0.1", "info": { "title": "t", "version": "1" }, "sourceDescriptions": [{ "name": "api", "url": "api.json", "type": "openapi" }],
        "workflows": [
            { "workflowId": "w", "steps": [
                // A query parameter of this name proves nothing: the token is fetched all the same.
                { "stepId": "list", "operationId": "list", "parameters": [{ "name": "Authorization", "in": "query", "value": "x" }] },
                { "stepId": "find", "operationId": "find" },
            ] },
            { "workflowId": "unrelated", "steps": [{ "stepId": "other", "operationId": "other" }] },
        ],
    });
    folder.write("flow.json", flow.to_string());
    let output = Arazzo::new(["inspect", "flow.json"]).cwd(folder.path()).run();
    output.exits(0);
    for line in [
        "sends to  api.example   GET /things   GET /found",
        "leads to  other.example:8443   only where an answer says so",
        "asks for  oauth of api → api.example, id.example, fresh.example   (--auth oauth=…)",
        "          found of api → api.example, open.example   (--auth found=…)",
    ] {
        output.check(output.stdout.lines().any(|known| known == line), line);
    }
    let output = Arazzo::new(["inspect", "flow.json", "--json"]).cwd(folder.path()).run();
    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(found["workflows"][0]["touches"]["leadsTo"], json!(["other.example:8443"]));
    assert_eq!(found["workflows"][1]["touches"]["leadsTo"], json!(["api.example"]));
}
