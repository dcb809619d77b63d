//! What those who look may do: commands of the page, as calls of the broker. It must not take one for anything it is not.

use crate::base::errors::{Error, Result};
use crate::base::ids::NamespaceId;
use crate::host::events::Attachments;
use crate::hub::message::{Message, Target};
use crate::net::Broker;
use crate::wire::json;
use std::borrow::Cow;

/// Carries out a command.
///
/// # Errors
/// [`Error::BadValue`] for a command that there is not, or arguments that are none of it; [`Error::Gone`] for a namespace that is not there;
/// what the broker says.
pub(super) fn run(broker: &mut Broker, name: &str, args: &str, attachments: &Attachments<'_>) -> Result<()> {
    let args: Vec<&str> = json::elements(args).collect();
    let namespace = text(&args, 0)?;
    // The reference makes one of any name; a typing error is none.
    let namespace = broker.find_namespace(&namespace).ok_or(Error::Gone)?;
    match name {
        "emit" => {
            let room = filter(&args, 1)?;
            let event = text(&args, 2)?;
            let rest = args.get(3..).unwrap_or_default();
            let blobs: Vec<&[u8]> = attachments.iter().collect();
            let rest = format!("[{}]", rest.join(","));
            let message = Message::new(&event, &rest).attach(&blobs);
            whom(namespace, room.as_deref(), |target| broker.emit(target, message)).map(drop)
        }
        "join" => {
            let (room, of) = (text(&args, 1)?, filter(&args, 2)?);
            whom(namespace, of.as_deref(), |target| broker.sockets_join(target, &[&room])).map(drop)
        }
        "leave" => {
            let (room, of) = (text(&args, 1)?, filter(&args, 2)?);
            whom(namespace, of.as_deref(), |target| broker.sockets_leave(target, &[&room])).map(drop)
        }
        "_disconnect" => {
            let close = match args.get(1).copied() {
                Some("true") => true,
                Some("false" | "null") | None => false,
                Some(_) => return Err(Error::BadValue("close")),
            };
            let of = filter(&args, 2)?;
            whom(namespace, of.as_deref(), |target| broker.disconnect_sockets(target, close)).map(drop)
        }
        _ => Err(Error::BadValue("command")),
    }
}

/// Everybody in a namespace, or in one room of it, which may be a socket's own.
fn whom<R>(namespace: NamespaceId, room: Option<&str>, act: impl FnOnce(Target<'_>) -> R) -> R {
    match room {
        Some(room) => act(Target::rooms(namespace, &[room])),
        None => act(Target::all(namespace)),
    }
}

fn text<'a>(args: &[&'a str], at: usize) -> Result<Cow<'a, str>> {
    let value = args.get(at).filter(|value| json::is_string(value));
    value.map(|value| json::unescape(value)).ok_or(Error::BadValue("a text is missing"))
}

/// A room, or nothing for all.
fn filter<'a>(args: &[&'a str], at: usize) -> Result<Option<Cow<'a, str>>> {
    match args.get(at).copied() {
        None | Some("null" | "\"\"") => Ok(None),
        Some(_) => text(args, at).map(Some),
    }
}
