//! What goes over the wire, as far as the engine decides it: where a request goes. The requests themselves, from the
//! built command to a real server, are tests from outside.

use arazzo_engine::json;
use arazzo_engine::openapi::encode::{self, Serialization, Style};
use proptest::prelude::*;

/// Texts that mean something in urls, and any others.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[./%2eE\\\\?#@:;a]{0,8}", "(%2[eEfF]|\\.|/){1,4}"]
}

proptest! {
    /// Whatever a value is, the request goes to the route of the template, or nowhere.
    #[test]
    fn a_path_parameter_never_changes_the_route(
        text in hostile(), more in hostile(), style in 0..3, explode: bool, reserved: bool, listed: bool,
    ) {
        let style = [Style::Simple, Style::Label, Style::Matrix][style as usize];
        let how = Serialization { explode, reserved, ..Serialization::of(style) };
        let value = if listed { json!([text, more]) } else { json!(text) };
        for template in ["/a/{q}", "/a/{q}/b", "/a/x{q}y/b", "/a/{q}{q}/b", "/a/.{q}/b"] {
            let Ok(path) = encode::path(template, |_| Some((&value, &how))) else { continue };
            let url = url::Url::parse(&format!("https://api.example/v1{path}?k=v")).unwrap();
            prop_assert_eq!(url.path(), format!("/v1{path}"));
            prop_assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("api.example"), Some("k=v"), None));
            let (wanted, found) = (template.split('/').count() + 1, url.path().split('/').count());
            prop_assert_eq!(wanted, found, "{}", path);
        }
    }
}
