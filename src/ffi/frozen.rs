//! How the structs of the interface grow: the size that each had in version 1, and what a field that a caller does not know is
//! taken as. It must not know what a field means.

use super::admin::roomcast_admin_options;
use super::config::{defaults, roomcast_config};
use super::events::roomcast_event;
use super::message::roomcast_message;
use super::router::roomcast_selection;
use super::types::{
    roomcast_handshake, roomcast_histogram, roomcast_listen_options, roomcast_request, roomcast_slice,
    roomcast_target, roomcast_tls,
};
use std::mem::{MaybeUninit, offset_of};

/// A struct to which later versions append fields. Either its first field is its size in bytes as a `u32`, set by the caller,
/// or the call that takes it takes the size as well.
///
/// # Safety
/// Any bytes are valid for each of its fields that a caller may set, and all bits 0 for all of it.
pub(super) unsafe trait Grows: Copy {
    /// The size it had in version 1: no caller has a smaller one.
    const FROZEN: usize;

    /// What the fields hold that an older caller does not have.
    fn preset() -> Self {
        // SAFETY: promised with the implementation.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }
}

/// Each line: a struct, its last field in version 1, and its preset where that is not 0. A line never changes once version 0.1.0 is out; until
/// then it names the last field there is, and `make header` says where it does not.
macro_rules! frozen {
    ($($name:ident . $last:ident : $type:ty $(= $preset:expr)?;)*) => {
        $(
            // SAFETY: numbers, pointers and functions that may be NULL.
            unsafe impl Grows for $name {
                const FROZEN: usize =
                    (offset_of!($name, $last) + size_of::<$type>()).next_multiple_of(align_of::<$name>());

                $(fn preset() -> Self {
                    $preset
                })?
            }
        )*

        /// The structs by name, and the bytes of each that lie behind its last field: none, since a later field would
        /// lie there, in bytes that an older caller left as they were.
        #[cfg(test)]
        pub(super) const PADDING: &[(&str, usize)] = &[
            $((stringify!($name), <$name as Grows>::FROZEN - offset_of!($name, $last) - size_of::<$type>()),)*
        ];
    };
}

frozen! {
    roomcast_config.reserved: u32 = defaults();
    roomcast_target.except_socket_count: usize;
    roomcast_message.flags: u64;
    roomcast_handshake.reserved: u32;
    roomcast_histogram.bucket_count: usize;
    roomcast_selection.reserved: u32;
    roomcast_event.context: u64;
    roomcast_listen_options.mode: u32;
    roomcast_tls.client_authorities: roomcast_slice;
    roomcast_request.peer: roomcast_slice;
    roomcast_admin_options.server_id: roomcast_slice;
}

#[cfg(test)]
mod tests {
    use super::super::given::Given;
    use super::*;
    use crate::base::errors::Error;
    use crate::ffi::guard::Fault;

    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    struct Old {
        struct_size: u32,
        first: u32,
        second: u64,
    }

    /// What the struct is in a library that came later.
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    struct New {
        struct_size: u32,
        first: u32,
        second: u64,
        third: u64,
    }

    // SAFETY: numbers.
    unsafe impl Grows for New {
        const FROZEN: usize = size_of::<Old>();

        fn preset() -> Self {
            Self { struct_size: size_of::<Self>() as u32, first: 10, second: 20, third: 30 }
        }
    }

    #[test]
    fn nothing_lies_behind_a_last_field() {
        for &(name, padding) in PADDING {
            assert_eq!(padding, 0, "{name} needs a reserved field at its end");
        }
    }

    #[test]
    fn what_an_older_program_does_not_know_has_its_default() {
        let old = [Old { struct_size: size_of::<Old>() as u32, first: 1, second: 0 }; 2];
        // SAFETY: as long as it says.
        let given = unsafe { Given::new() };
        let taken = given.sized::<New>(old.as_ptr().cast(), "old").unwrap();
        assert_eq!(taken, New { struct_size: 16, first: 1, second: 0, third: 30 });
    }

    #[test]
    fn what_a_newer_program_knows_is_left_alone() {
        #[repr(C)]
        struct Newer(New, [u64; 8]);
        let newer = Newer(New { struct_size: 88, first: 1, second: 2, third: 3 }, [u64::MAX; 8]);
        // SAFETY: as long as it says.
        let given = unsafe { Given::new() };
        let taken = given.sized::<New>((&raw const newer).cast(), "newer").unwrap();
        assert_eq!(taken, New { struct_size: 88, first: 1, second: 2, third: 3 });
    }

    #[test]
    fn a_size_that_no_version_had_is_refused() {
        for size in [0, 4, 15] {
            let old = [Old { struct_size: size, first: 1, second: 2 }; 2];
            // SAFETY: longer than it says.
            let given = unsafe { Given::new() };
            let taken = given.sized::<New>(old.as_ptr().cast(), "old");
            assert!(matches!(taken, Err(Fault::Known(Error::BadSize, _))), "{size}: {taken:?}");
            assert!(given.filled::<New>(old.as_ptr().cast_mut().cast(), "old").is_err(), "{size}");
        }
    }

    #[test]
    fn a_struct_is_filled_as_far_as_both_know_it() {
        let mut old = [Old { struct_size: size_of::<Old>() as u32, first: 0, second: 0 }; 2];
        // SAFETY: as long as it says.
        let given = unsafe { Given::new() };
        let place = given.filled::<New>(old.as_mut_ptr().cast(), "old").unwrap();
        place.fill(New { struct_size: place.size(), first: 1, second: 2, third: 3 });
        assert_eq!(old[0], Old { struct_size: 16, first: 1, second: 2 });
        assert_eq!(old[1], Old { struct_size: 16, first: 0, second: 0 }, "behind it");
    }

    /// The first field that a later version would append to the configuration: here, the last that there is.
    #[test]
    fn a_configuration_that_ends_early_is_a_broker_all_the_same() {
        assert!(roomcast_config::FROZEN <= size_of::<roomcast_config>());
        assert_eq!(roomcast_config::preset().struct_size as usize, size_of::<roomcast_config>());
    }
}
