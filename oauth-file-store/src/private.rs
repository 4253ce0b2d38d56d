//! Files that nobody else may read.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;

use fs4::{FileExt, TryLockError};
use oauth_core::StoreError;
use zeroize::Zeroizing;

/// No record of a token is larger: token responses are cut off there.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Makes the directory if it is not there, with those above it.
pub(crate) fn make_directory(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|cause| failed(path, &cause))
}

/// Refuses a directory that is none, or that is not ours alone.
pub(crate) fn check_directory(path: &Path) -> Result<(), StoreError> {
    let found = fs::metadata(path).map_err(|cause| failed(path, &cause))?;
    if !found.is_dir() {
        return Err(refused(
            path,
            "it is no directory; name one that is for tokens alone",
        ));
    }
    check_access(path, &found, 0o700)
}

/// The content of a file; `None` if it is not there, or too large to be a record.
pub(crate) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let Some(file) = open(path, OpenOptions::new().read(true))? else {
        return Ok(None);
    };
    let length = file.metadata().map_err(|cause| failed(path, &cause))?.len();
    if length > LARGEST {
        return Ok(None);
    }
    // With room for one more, or reading would make a larger copy just to find the end.
    let room = usize::try_from(length + 1).unwrap_or_default();
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    let mut limited = file.take(length);
    limited
        .read_to_end(&mut content)
        .map_err(|cause| failed(path, &cause))?;
    Ok(Some(content))
}

/// Puts a new file in the place of what is there, in one step. What was there, or the new file, is there whatever
/// happens. `scratch` must be ours alone while this runs.
pub(crate) fn replace(
    path: &Path,
    scratch: &Path,
    content: &[u8],
    how: How,
) -> Result<File, StoreError> {
    // Left by a process that was killed.
    remove(scratch)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let Some(mut file) = open(scratch, &mut options)? else {
        return Err(refused(scratch, "it cannot be made"));
    };
    let mut fill = || {
        file.write_all(content)?;
        match how {
            How::Durable => file.sync_all()?,
            // Not `file.lock()`, which is another function from Rust 1.89 on.
            How::Locked => FileExt::lock(&file)?,
            How::Plain => {}
        }
        fs::rename(scratch, path)
    };
    fill().map_err(|cause| failed(path, &cause))?;
    Ok(file)
}

/// What a new file is before it takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Written.
    Plain,
    /// Written, and locked for as long as it is open.
    Locked,
    /// Written to the disk.
    Durable,
}

pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(failed(path, &cause)),
        _ => Ok(()),
    }
}

/// Locks a file, which is made if it is not there, for as long as it is open. `None`: somebody else has it locked.
pub(crate) fn try_lock(path: &Path) -> Result<Option<File>, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let Some(file) = open(path, &mut options)? else {
        return Err(refused(path, "it cannot be made"));
    };
    match FileExt::try_lock(&file) {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => Err(failed(path, &cause)),
    }
}

/// Whether an open file has not been removed. Where that cannot be told, no file that is locked is removed.
pub(crate) fn is_there(file: &File) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        file.metadata().is_ok_and(|found| found.nlink() > 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        true
    }
}

/// Opens a file that is ours alone; `None` if it is not there.
fn open(path: &Path, options: &mut OpenOptions) -> Result<Option<File>, StoreError> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        // Neither somewhere else, nor waiting for the other end of a pipe.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        options.mode(0o600).custom_flags(flags);
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        #[cfg(unix)]
        Err(cause) if cause.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(refused(
                path,
                "it is a link, which is not followed; remove it",
            ));
        }
        Err(cause) => return Err(failed(path, &cause)),
    };
    let found = file.metadata().map_err(|cause| failed(path, &cause))?;
    if !found.is_file() {
        return Err(refused(path, "it is no file; remove it"));
    }
    check_access(path, &found, 0o600)?;
    Ok(Some(file))
}

#[cfg(unix)]
fn check_access(path: &Path, found: &Metadata, wanted: u32) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt as _;
    let (owner, us) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner != us {
        return Err(refused(
            path,
            &format!(
                "it belongs to user {owner}, and this process runs as user {us}; name another directory"
            ),
        ));
    }
    let mode = found.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(refused(
            path,
            &format!(
                "others may get at it: its mode is {mode:04o}, and should be {wanted:04o} (chmod {wanted:o})"
            ),
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
fn check_access(_: &Path, _: &Metadata, _: u32) -> Result<(), StoreError> {
    Ok(())
}

fn refused(path: &Path, why: &str) -> StoreError {
    StoreError::new(format!("{} is not used: {why}", path.display()))
}

fn failed(path: &Path, cause: &io::Error) -> StoreError {
    StoreError::new(format!(
        "{} cannot be used: {cause}; it needs to be in a directory where this process may write",
        path.display()
    ))
}
