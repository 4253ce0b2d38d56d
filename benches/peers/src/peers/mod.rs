//! The libraries.

mod aliri;
mod cf_gears;
mod huskarl;
mod middle;
mod oauth2_mutex;
mod ours;
mod python_class;

pub use aliri::Aliri;
pub use cf_gears::CfGears;
pub use huskarl::Huskarl;
pub use middle::Middle;
pub use oauth2_mutex::Oauth2Mutex;
pub use ours::Ours;
pub use python_class::PythonClass;
