//! A message as the log keeps it: its packet and its attachments, as they are before anything carries them.

/// Appends a message: each of its parts behind its length.
pub(in crate::hub) fn write(out: &mut Vec<u8>, packet: &[u8], attachments: &[&[u8]]) {
    for part in std::iter::once(&packet).chain(attachments) {
        // A message is a part of the tick's output, whose places are of 32 bits.
        out.extend_from_slice(&(part.len() as u32).to_le_bytes());
        out.extend_from_slice(part);
    }
}

/// The packet of a message, and behind it its attachments.
pub(in crate::hub) fn parts(mut record: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = record.split_first_chunk()?;
        let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        record = rest;
        Some(part)
    })
}

/// Whether these bytes are a message.
pub(super) fn is_whole(record: &[u8]) -> bool {
    let length: usize = parts(record).map(|part| part.len().saturating_add(size_of::<u32>())).sum();
    let packet = parts(record).next();
    packet.is_some_and(|packet| packet.starts_with(b"4") && std::str::from_utf8(packet).is_ok())
        && record.len() == length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_back() {
        for attachments in [&[][..], &[&b"one"[..], b"", b"three"]] {
            let mut record = Vec::new();
            write(&mut record, b"42[]", attachments);
            assert!(is_whole(&record) && !is_whole(&record[..record.len() - 1]) && !is_whole(b""));
            let read: Vec<&[u8]> = parts(&record).collect();
            assert_eq!((read[0], &read[1..]), (&b"42[]"[..], attachments));
        }
    }
}
