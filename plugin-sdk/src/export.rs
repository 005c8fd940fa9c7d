//! `export!`: from a room to a plugin.

/// Makes a plugin of a room. `name` must be given; what is left out has the value shown.
///
/// ```
/// # use parlor_plugin::{export, Config, Ctx, Member, Result, Room};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)] struct Quiz;
/// # impl Room for Quiz {
/// #     type Input = ();
/// #     fn open(_: &mut Ctx, _: &Config) -> Result<Self> { Ok(Self) }
/// #     fn message(&mut self, _: &mut Ctx, _: &Member, _: ()) -> Result<()> { Ok(()) }
/// # }
/// export!(Quiz {
///     name: "quiz",                           // rooms are made by this: 1 to 64 of a-z 0-9 - _
///     version: env!("CARGO_PKG_VERSION"),
///     tick_hz: 0,                             // 0 to 128 ticks a second
///     players_max: 100,
///     spectators_max: 0,
///     delivery: Immediate,                    // or OnTick
///     presence: Full,                         // or Count, None
///     durability: None,                       // or Snapshot, Journal
///     state_schema: 1,                        // raise it when the state's shape changes, and write Room::upgrade
///     // state_interval_ms: 50,               // default: one tick, or every step without ticks
///     // away_after_ms: 60_000,               // default: a silent member is never shown as away
///     limits: {                               // default: the host's
///         memory_bytes: 16 << 20,
///         step_cpu_ms: 20,
///         payload_bytes: 64 << 10,
///         output_bytes: 1 << 20,
///         output_effects: 10_000,
///     },
///     permissions: [],                        // e.g. [Create: ["host"], Administrate: ["staff"]]
/// });
/// # fn main() {}
/// ```
///
/// The component's exports exist on wasm only, so that tests can link several plugins into one native program.
#[macro_export]
macro_rules! export {
    ($room:ty { $($fields:tt)* }) => {
        impl $crate::Plugin for $room {
            fn describe() -> $crate::Description {
                let mut description = $crate::guest::default_description(env!("CARGO_PKG_VERSION"));
                $crate::__describe!(description, $($fields)*);
                description
            }
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::bindings::parlor::room::types;

            thread_local! {
                static ROOM: $crate::guest::Slot<$room> = const { $crate::guest::Slot::new() };
            }

            struct Guest;

            impl $crate::bindings::exports::parlor::room::guest::Guest for Guest {
                fn describe() -> types::Description {
                    $crate::guest::describe::<$room>()
                }
                fn open(config: types::Config) -> Result<Vec<types::Effect>, types::Failure> {
                    ROOM.with(|room| room.open(config))
                }
                fn step(batch: types::Batch) -> Result<Vec<types::Effect>, types::Failure> {
                    ROOM.with(|room| room.step(batch))
                }
                fn save() -> Vec<u8> {
                    ROOM.with(|room| room.save())
                }
                fn load(schema: u32, bytes: Vec<u8>) -> Result<(), types::Failure> {
                    ROOM.with(|room| room.load(schema, &bytes))
                }
            }

            $crate::bindings::export_guest!(Guest with_types_in $crate::bindings);
        };
    };
}

/// Sets the fields of a description one by one.
#[doc(hidden)]
#[macro_export]
macro_rules! __describe {
    ($d:ident $(,)?) => {};
    ($d:ident, name: $value:expr $(, $($rest:tt)*)?) => {
        $d.name = String::from($value);
        $crate::__describe!($d $(, $($rest)*)?);
    };
    ($d:ident, version: $value:expr $(, $($rest:tt)*)?) => {
        $d.version = String::from($value);
        $crate::__describe!($d $(, $($rest)*)?);
    };
    ($d:ident, delivery: $value:ident $(, $($rest:tt)*)?) => {
        $d.delivery = $crate::Delivery::$value;
        $crate::__describe!($d $(, $($rest)*)?);
    };
    ($d:ident, presence: $value:ident $(, $($rest:tt)*)?) => {
        $d.presence = $crate::Presence::$value;
        $crate::__describe!($d $(, $($rest)*)?);
    };
    ($d:ident, durability: $value:ident $(, $($rest:tt)*)?) => {
        $d.durability = $crate::Durability::$value;
        $crate::__describe!($d $(, $($rest)*)?);
    };
    ($d:ident, state_interval_ms: $value:expr $(, $($rest:tt)*)?) => {
        $d.state_interval_ms = Some($value);
        $crate::__describe!($d $(, $($rest)*)?);
    };
    ($d:ident, away_after_ms: $value:expr $(, $($rest:tt)*)?) => {
        $d.away_after_ms = Some($value);
        $crate::__describe!($d $(, $($rest)*)?);
    };
    ($d:ident, limits: { $($limit:ident : $value:expr),* $(,)? } $(, $($rest:tt)*)?) => {
        $($d.limits.$limit = Some($value);)*
        $crate::__describe!($d $(, $($rest)*)?);
    };
    ($d:ident, permissions: [$($action:ident : [$($role:expr),* $(,)?]),* $(,)?] $(, $($rest:tt)*)?) => {
        $d.permissions = vec![$($crate::Permission {
            action: $crate::Action::$action,
            roles: vec![$(String::from($role)),*],
        }),*];
        $crate::__describe!($d $(, $($rest)*)?);
    };
    ($d:ident, $field:ident : $value:expr $(, $($rest:tt)*)?) => {
        $d.$field = $value;
        $crate::__describe!($d $(, $($rest)*)?);
    };
}
