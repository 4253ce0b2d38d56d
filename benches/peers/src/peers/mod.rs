//! The libraries.

mod aliri;
mod aws;
mod azure;
mod cf_gears;
mod google;
mod huskarl;
mod middle;
mod oauth2_mutex;
mod object_store;
mod ours;
mod python_class;
mod yup_oauth2;

pub use aliri::Aliri;
pub use aws::Aws;
pub use azure::AzureIdentity;
pub use cf_gears::CfGears;
pub use google::GoogleCloudAuth;
pub use huskarl::Huskarl;
pub use middle::Middle;
pub use oauth2_mutex::Oauth2Mutex;
pub use object_store::ObjectStore;
pub use ours::Ours;
pub use python_class::PythonClass;
pub use yup_oauth2::YupOauth2;
