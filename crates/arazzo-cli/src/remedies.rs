//! The names of settings in messages of the command: its flags. No other file tells a fault with a flag.

use arazzo::remedy::{Credential, Limit, Remedy, listed, parameter};

/// The flag for a remedy, with its value.
pub(crate) fn flag(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Raise(limit) => of_limit(*limit).to_owned(),
        Remedy::GiveInput { name, secret: false, file: true } => format!("--input {name}@FILE"),
        Remedy::GiveInput { name, secret: true, .. } => {
            format!("set ARAZZO_SECRET_{name} and add --secret {name}, or give --input {name}=…")
        }
        Remedy::GiveInput { name, .. } => format!("--input {name}=…"),
        Remedy::GiveJsonInput(name) => format!("--input '{name}:=…'"),
        Remedy::GiveField(name) => format!("-F {name}=…"),
        Remedy::GiveServer(source) => format!("--server {source}=https://…"),
        Remedy::GiveBroker { source, scheme } => format!("--server {source}={scheme}://HOST:PORT"),
        Remedy::GiveOtherServer => "--server".to_owned(),
        Remedy::ReceiveUntil => "--receive until".to_owned(),
        Remedy::Listen => "--listen 127.0.0.1:8080".to_owned(),
        Remedy::FreshConnections => "--fresh-connections".to_owned(),
        Remedy::GiveWholeServer => "--server https://host/base".to_owned(),
        Remedy::GiveServerVariable(name) => format!("--server-var {name}=VALUE"),
        Remedy::GiveSource(label) => format!("--source {label}=FILE"),
        Remedy::SourceNotDescribed(_) | Remedy::SourceGiven { .. } => "--source".to_owned(),
        Remedy::Authenticate(ways) => listed(ways, &credential),
        Remedy::GiveToken => "--bearer".to_owned(),
        Remedy::AllowHeaders => "--allow-header".to_owned(),
        Remedy::AllowHeader(name) => format!("--allow-header {name}"),
        Remedy::AllowHost(host) => format!("--allow-host {host}"),
        Remedy::AllowNamedHost(_) => "--allow-host".to_owned(),
        Remedy::AllowPrivate => "--allow-private".to_owned(),
        Remedy::AllowUnsafe => "--allow-unsafe".to_owned(),
        Remedy::BindSecret { name, host } => format!("--secret-host {name}={host}"),
        Remedy::JudgeRedirects | Remedy::RedirectsOff { .. } => "--redirects never".to_owned(),
        Remedy::PaceLoops { .. } => "--loop-delay, --max-steps, --timeout".to_owned(),
        Remedy::RequireOutputs { .. } => "--require-outputs".to_owned(),
    }
}

fn of_limit(limit: Limit) -> &'static str {
    match limit {
        Limit::Steps => "--max-steps",
        Limit::Requests => "--max-requests",
        Limit::Depth => "--max-depth",
        Limit::Time => "--timeout",
        Limit::Wait => "--max-wait",
        Limit::Receive => "--receive-timeout",
        Limit::Body | Limit::BodyValues => "--max-body",
        Limit::Value => "--max-value",
        Limit::Kept => "--max-kept",
    }
}

fn credential(credential: &Credential) -> String {
    match credential {
        Credential::Key(scheme) => format!("--auth {scheme}=KEY"),
        Credential::User(scheme) => format!("--auth {scheme}=USER:PASSWORD"),
        Credential::Token(scheme) => format!("--auth {scheme}=TOKEN"),
        Credential::TokenOrClient(scheme) => {
            format!("--auth {scheme}=TOKEN (or {scheme}.clientId=… and {scheme}.clientSecret=…)")
        }
        Credential::Certificate => "--cert FILE --key FILE".to_owned(),
        Credential::Parameter { scheme, kind } => parameter(scheme, kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a remedy beside a message, a remark and a help.
    fn put_in_words(remedy: Remedy) -> [String; 3] {
        let (mut message, mut remarks, mut help) = ("it fails".to_owned(), vec!["so".to_owned()], None);
        if matches!(remedy, Remedy::GiveSource(_) | Remedy::AllowHeader(_)) {
            help = Some("leave it out".to_owned());
        }
        remedy.put(flag, &mut message, &mut remarks, &mut help);
        [message, remarks.concat(), help.unwrap_or_default()]
    }

    #[test]
    fn each_remedy_is_a_sentence_with_its_flag() {
        let name = || "id".to_owned();
        for (remedy, help) in [
            (Remedy::Raise(Limit::Steps), "raise --max-steps, or give the loop an end"),
            (Remedy::Raise(Limit::Requests), "raise --max-requests, or give the loop an end"),
            (Remedy::Raise(Limit::Time), "raise --timeout, or give the loop an end"),
            (Remedy::Raise(Limit::Depth), "give the recursion an end, or raise --max-depth"),
            (Remedy::Raise(Limit::Wait), "raise --max-wait"),
            (Remedy::Raise(Limit::Receive), "raise --receive-timeout"),
            (Remedy::Raise(Limit::Body), "raise --max-body"),
            (Remedy::Raise(Limit::BodyValues), "raise --max-body: eight times as much is taken"),
            (Remedy::Raise(Limit::Value), "raise --max-value, or keep values from growing with every step"),
            (Remedy::Raise(Limit::Kept), "keep less of the answers in outputs, or raise --max-kept"),
            (Remedy::GiveInput { name: name(), secret: false, file: false }, "give it with --input id=…"),
            (Remedy::GiveInput { name: name(), secret: false, file: true }, "give it with --input id@FILE"),
            (
                Remedy::GiveInput { name: name(), secret: true, file: false },
                "set ARAZZO_SECRET_id and add --secret id, or give --input id=…",
            ),
            (Remedy::GiveJsonInput(name()), "give it as JSON: --input 'id:=…'"),
            (Remedy::GiveServer(name()), "give one with --server id=https://…"),
            (
                Remedy::GiveBroker { source: name(), scheme: "mqtt".to_owned() },
                "give one with --server id=mqtt://HOST:PORT",
            ),
            (Remedy::GiveOtherServer, "check that the server runs, or give another one with --server"),
            (
                Remedy::FreshConnections,
                "look whether the server did it; with --fresh-connections no connection is used again",
            ),
            (Remedy::Listen, "give the address to listen at with --listen 127.0.0.1:8080, or mock it"),
            (Remedy::GiveWholeServer, "write --server https://host/base"),
            (Remedy::ReceiveUntil, "pass over those that come before with --receive until, or let `onFailure` retry"),
            (Remedy::GiveServerVariable(name()), "give it with --server-var id=VALUE"),
            (Remedy::GiveSource(name()), "leave it out, or run with --source id=FILE"),
            (Remedy::AllowHeader("Host".to_owned()), "leave it out, or let it be set: --allow-header Host"),
            (Remedy::AllowHost(name()), "allow the host with --allow-host id"),
            (Remedy::AllowNamedHost(name()), "allow it with --allow-host"),
            (Remedy::JudgeRedirects, "judge redirects in the document: with --redirects never they are not followed"),
        ] {
            assert_eq!(put_in_words(remedy), ["it fails", "so", help]);
        }
        for (remedy, remark) in [
            (Remedy::RedirectsOff { remark: 0 }, "so: --redirects never"),
            (Remedy::PaceLoops { remark: 0 }, "so; see --loop-delay, --max-steps, --timeout"),
            (Remedy::RequireOutputs { remark: 0 }, "so; --require-outputs makes it fail"),
            // One that is not there is passed over.
            (Remedy::RequireOutputs { remark: 1 }, "so"),
        ] {
            assert_eq!(put_in_words(remedy), ["it fails", remark, ""]);
        }
        for (remedy, message) in [
            (Remedy::SourceNotDescribed(name()), "--source names `id`, which the document does not describe"),
            (Remedy::SourceGiven { at: 2 }, "it (given with --source) fails"),
            (Remedy::SourceGiven { at: 99 }, "it fails (given with --source)"),
        ] {
            assert_eq!(put_in_words(remedy), [message, "so", ""]);
        }
    }

    #[test]
    fn credentials_are_told_by_their_flags_and_all_that_serve() {
        let ways = vec![
            vec![Credential::Key("a".to_owned()), Credential::User("b".to_owned())],
            vec![Credential::TokenOrClient("c".to_owned())],
            vec![Credential::Certificate],
            vec![Credential::Parameter { scheme: "d".to_owned(), kind: "negotiate".to_owned() }],
        ];
        let first = "--auth a=KEY and --auth b=USER:PASSWORD";
        let one: Vec<_> = ways.iter().take(1).cloned().collect();
        assert_eq!(
            put_in_words(Remedy::Authenticate(one)),
            [format!("it fails; give {first}"), "so".to_owned(), String::new()]
        );
        let all = format!(
            "any of these serves: {first}, or --auth c=TOKEN (or c.clientId=… and c.clientSecret=…), or --cert FILE \
             --key FILE, or a parameter of the step for `d` (negotiate)"
        );
        assert_eq!(put_in_words(Remedy::Authenticate(ways)), [format!("it fails; give {first}"), "so".to_owned(), all]);
    }
}
