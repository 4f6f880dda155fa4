//! The pages whose examples need several crates of the workspace.

#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc = include_str!("../../../rampart-core/src/manual/how_to.md")]
struct HowTo;

#[doc = include_str!("../../../rampart-core/src/manual/dpop.md")]
struct Dpop;

#[doc = include_str!("../../../rampart-core/src/manual/rampart_itself.md")]
struct RampartItself;

#[doc = include_str!("../../../rampart-core/src/manual/coming_from_rampart_rust.md")]
struct ComingFromRampartRust;

#[doc = include_str!("../../../rampart-core/src/manual/coming_from_python.md")]
struct ComingFromPython;

#[doc = include_str!("../../../rampart-core/src/manual/coming_from_jwt_crates.md")]
struct ComingFromJwtCrates;
