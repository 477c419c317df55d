//! `arazzo call`: one operation, with the encoder and the reports of a run.

use serde_json::json;

use super::Arazzo;
use crate::server::{Reply, Server};

const PETS: &str = "tests/suite/wire/pets-2.0/swagger.json";
const VOLUMES: &str = "openapi/daytona-volumes-api-openapi.yml";

fn call(server: &Server, args: &[&str]) -> Arazzo {
    Arazzo::new(["call", args[0], args[1], "--server", &server.url()]).args(args[2..].iter().copied())
}

#[test]
fn parameters_are_written_as_the_operation_describes_them() {
    let server = Server::start(|_, _| Reply::status(200).json(&json!([{ "id": 1 }])));
    let args = [
        PETS,
        "findPets",
        "status=a",
        "status=b c",
        "-p",
        "ids:=[1,2]",
        "tags=x",
        "header:X-Trace=t",
        "-H",
        "X-Other: o",
    ];
    let output = call(&server, &args).run();
    output.exits(0).check(output.stdout == "[{\"id\":1}]", "the body of the answer on stdout, to the byte");
    assert_eq!(server.lines(), ["GET /pets?status=a&status=b%20c&tags=x&ids=1,2"]);
    let request = &server.requests()[0];
    assert_eq!((request.header("x-trace"), request.header("x-other")), (Some("t"), Some("o")));
    call(&server, &[PETS, "GET", "/pets/{petId}", "petId=a/b"]).run().exits(0);
    call(&server, &[PETS, "GET /pets/{petId}", "petId=1"]).run().exits(0);
    assert_eq!(server.lines()[1..], ["GET /pets/a%2Fb", "GET /pets/1"]);
}

#[test]
fn bodies_are_given_whole_or_by_their_fields() {
    let server = Server::start(|_, _| Reply::status(201).body("text/plain", "made"));
    let output = call(&server, &[PETS, "addPet", "-d", "{ \"name\": \"Ada\" }"]).run();
    output.exits(0).check(output.stdout == "made", "text as it is");
    call(&server, &[PETS, "addPet", "-d", "-"]).stdin("{\"name\":\"Bo\"}").run().exits(0);
    call(&server, &[PETS, "addPet", "-F", "name=Cy", "-F", "tags=a", "-F", "tags=b", "-F", "age:=7"]).run().exits(0);
    call(&server, &[PETS, "updatePetWithForm", "petId=7", "-F", "name=a&b", "-F", "status=x", "-F", "status=y"])
        .run()
        .exits(0);
    let file = "file=@tests/suite/wire/pets-2.0/me.png";
    call(&server, &[PETS, "uploadFile", "petId=7", "-F", "note=hi", "-F", file]).run().exits(0);
    let bodies: Vec<String> =
        server.requests().iter().map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect();
    assert_eq!(bodies[..2], ["{\"name\":\"Ada\"}", "{\"name\":\"Bo\"}"]);
    assert_eq!(bodies[2], "{\"name\":\"Cy\",\"tags\":[\"a\",\"b\"],\"age\":7}");
    assert_eq!(bodies[3], "name=a%26b&status=x,y");
    assert!(bodies[4].contains("name=\"file\"; filename=\"me.png\"\r\n"), "{}", bodies[4]);
}

#[test]
fn what_is_wrong_is_said_before_anything_is_sent() {
    let server = Server::start(|_, _| Reply::status(200));
    let refused = |args: &[&str], words: &[&str]| {
        call(&server, args).run().exits(2).says(words).prints_nothing();
    };
    refused(&[PETS, "getPets"], &["no operation `getPets`", "did you mean `getPet`?"]);
    refused(&[PETS, "GET /pet"], &["did you mean `GET /pets`?"]);
    refused(&[PETS, "/pets"], &["2 operations", "GET /pets", "POST /pets"]);
    refused(&[PETS, "getPet"], &["needs the path parameter `petId`"]);
    refused(&[PETS, "getPet", "petid=1"], &["did you mean `petId`?"]);
    refused(&[PETS, "getPet", "petId"], &["write NAME=TEXT"]);
    refused(&[PETS, "addPet"], &["needs a body"]);
    refused(&[PETS, "addPet", "-d", "{"], &["the body is not JSON", "application/json"]);
    refused(&[PETS, "addPet", "-d", "@nowhere.json"], &["cannot read `nowhere.json`"]);
    call(&server, &["nowhere.yaml", "x"]).run().exits(3).says(&["document-not-found", "cannot read `nowhere.yaml`"]);
    call(&server, &[PETS, "getPet", "petId=.."]).run().exits(1).says(&["unsafe-value", "`petId`"]);
    assert!(server.requests().is_empty());
}

#[test]
fn an_answer_that_is_no_success_is_reported_and_printed() {
    let server = Server::start(|_, _| Reply::status(404).json(&json!({ "message": "no such volume" })));
    let output = call(&server, &[VOLUMES, "getVolume", "volumeId=v1", "--auth", "bearer=tok-0123456789"]).run();
    output.exits(1).says(&["answered 404", "reproduce: curl", "no such volume"]).never_says(&["tok-0123456789"]);
    output.check(output.stdout == "{\"message\":\"no such volume\"}", "the body");
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer tok-0123456789"));
    let mocked = Arazzo::new(["call", VOLUMES, "getVolume", "volumeId=v1", "--mock", "--check", "contract"]).run();
    mocked.exits(0).check(mocked.stdout.contains("\"id\":\"v1\""), "an answer of the mock");
}
