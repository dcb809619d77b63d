//! Polling through `<script>` elements, as old browsers do it across origins: payloads as JavaScript, and forms that carry some. It must
//! not know what a payload says.

use super::Malformed;
use crate::wire::http::query_pairs;
use crate::wire::json;

/// The number of the callback that `j` in a query names: its digits, as in the reference.
pub fn callback(value: &str) -> String {
    value.chars().filter(char::is_ascii_digit).collect()
}

/// Appends a text payload as a call of that callback.
pub fn write_call(out: &mut Vec<u8>, callback: &str, payload: &str) {
    out.extend_from_slice(b"___eio[");
    out.extend_from_slice(callback.as_bytes());
    out.extend_from_slice(b"](");
    let mut text = Vec::with_capacity(payload.len().saturating_add(2));
    json::write_string(&mut text, payload);
    // These end a line in JavaScript before ES2019, also within a string.
    let mut rest = &text[..];
    while let Some(at) = memchr::memmem::find(rest, b"\xe2\x80") {
        let (plain, found) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let (mark, behind) = found.split_at_checked(3).unwrap_or((found, &[]));
        out.extend_from_slice(match mark {
            b"\xe2\x80\xa8" => b"\\u2028",
            b"\xe2\x80\xa9" => b"\\u2029",
            other => other,
        });
        rest = behind;
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b");");
}

/// The payload in a form that was sent: its field `d`. A form without one is passed over in the reference.
pub fn read_form(body: &str) -> Result<String, Malformed> {
    let (_, payload) = query_pairs(body).find(|(name, _)| name == "d").ok_or(Malformed)?;
    if !payload.contains('\\') {
        return Ok(payload.into_owned());
    }
    // Browsers write line ends of their own in forms, so clients escape them: `\n`, and what looked so before as `\\n`.
    let mut plain = String::with_capacity(payload.len());
    let mut rest = &*payload;
    while let Some(at) = rest.find('\\') {
        let (before, found) = rest.split_at_checked(at).unwrap_or((rest, ""));
        plain.push_str(before);
        let (becomes, length) = match found {
            escaped if escaped.starts_with("\\\\n") => ("\\n", 3),
            line if line.starts_with("\\n") => ("\n", 2),
            _ => ("\\", 1),
        };
        plain.push_str(becomes);
        rest = found.get(length..).unwrap_or_default();
    }
    plain.push_str(rest);
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(payload: &str) -> String {
        let mut out = Vec::new();
        write_call(&mut out, "7", payload);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_payload_is_a_call() {
        assert_eq!(call("2:4a"), r#"___eio[7]("2:4a");"#);
        assert_eq!(
            call("é\u{2028}\u{2029}\u{2027}\"\\\n"),
            "___eio[7](\"é\\u2028\\u2029\u{2027}\\\"\\\\\\n\");"
        );
        assert_eq!([callback("12"), callback("a1]b2"), callback("")], ["12", "12", ""]);
    }

    #[test]
    fn a_form_is_a_payload() {
        assert_eq!(read_form("d=2%3A4a").as_deref(), Ok("2:4a"));
        assert_eq!(read_form("x=1&d=a+%C3%A9&d=z").as_deref(), Ok("a é"));
        // `\n` is a line end, `\\n` what looked so before; all else stays, as with the reference's two replacements.
        for (form, plain) in [
            (r"a\nb", "a\nb"),
            (r"a\\nb", r"a\nb"),
            (r"\\\n", r"\\n"),
            (r"\\\\n\", r"\\\n\"),
            (r"\t\\", r"\t\\"),
        ] {
            assert_eq!(read_form(&format!("d={form}")).as_deref(), Ok(plain), "{form}");
        }
        assert_eq!(read_form(""), Err(Malformed));
        assert_eq!(read_form("e=2"), Err(Malformed));
    }
}
