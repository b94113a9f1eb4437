//! At most three uploads at a time for each user: [`Uploads`] gives slots on leases, which end by
//! themselves when a client does not come back.

mod uploads;

pub use uploads::{SLOTS, Slot, Upload, UploadError, Uploads, UploadsShown};
