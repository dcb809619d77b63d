//! Our JSON check against serde_json, and what is cut from the text that has passed it.

use roomcast::wire::json;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// serde_json stops at this depth; ours is told to.
const DEPTH: u32 = 127;

pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let ours = json::validate(text, DEPTH);
    let theirs = serde_json::from_str::<IgnoredAny>(text);
    assert_eq!(ours.is_ok(), theirs.is_ok(), "{text:?}: {theirs:?}");
    let _ = (json::unescape(text), json::number_text(text), json::elements(text).count());
    quoted(text);
    if ours.is_err() {
        return;
    }
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(items) => {
            assert!(json::is_array(text));
            let found: Vec<&str> = json::elements(text).collect();
            assert!(found.iter().copied().eq(items.iter().map(|item| item.get())), "{found:?} of {text:?}");
        }
        Err(_) => assert!(!json::is_array(text)),
    }
    assert_eq!(json::is_object(text), json::trim(text).starts_with('{'));
    // A lone surrogate is no text for serde_json.
    if let Ok(string) = serde_json::from_str::<String>(text) {
        assert!(json::is_string(text));
        assert_eq!(json::unescape(text), string);
    }
    // What JavaScript prints reads back as the same number.
    if let Ok(number) = json::trim(text).parse::<f64>()
        && !json::is_string(text)
        && number.is_finite()
    {
        let printed = json::number_text(json::trim(text));
        assert_eq!(printed.parse::<f64>().expect("a number"), number, "{printed} for {text}");
    }
}

/// Any text survives being written as a JSON string.
fn quoted(text: &str) {
    let mut out = Vec::new();
    json::write_string(&mut out, text);
    let written = String::from_utf8(out).expect("text stays text");
    assert_eq!(written, serde_json::to_string(text).expect("text is always a string"));
    assert!(json::validate(&written, 0).is_ok());
    assert_eq!(json::unescape(&written), text);
}
