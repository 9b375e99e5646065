//! Memory that the parent writes, and its children only read.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::process;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::AtomicU64;

use super::shared_memory::{map_file, no_memory};
use crate::message::Message;

/// Memory that is mapped twice: for this process to write, and for its children to read.
///
/// Children do not inherit the first mapping, and the kernel does not let them write to the
/// second one: neither by a mistake, nor after mprotect(2), which Linux has refused since
/// 5.1.
pub(crate) struct OneWay {
    reading: NonNull<AtomicU64>,
    /// It is mapped only in the process that made it.
    writing: NonNull<AtomicU64>,
    words: usize,
    /// The process that made it.
    maker: u32,
}

// SAFETY: the value owns its mappings, which any thread may unmap (munmap(2)).
unsafe impl Send for OneWay {}
// SAFETY: the mappings are made of atomics, which threads may share.
unsafe impl Sync for OneWay {}

impl OneWay {
    /// Maps `words` words, all zero.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub(crate) fn new(words: usize) -> Result<Self, Message> {
        let length = words.saturating_mul(size_of::<AtomicU64>());
        let (reading, writing) = map(length).map_err(|error| no_memory(words, &error))?;
        Ok(Self {
            reading: reading.cast(),
            writing: writing.cast(),
            words,
            maker: process::id(),
        })
    }

    /// The words, to be read.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: `new` mapped as many words, aligned to a page, and zeros are atomics. The
        // mapping is read only, and callers load.
        unsafe { slice::from_raw_parts(self.reading.as_ptr(), self.words) }
    }

    /// The same words, to be written; `None` in a child.
    pub(crate) fn writable_words(&self) -> Option<&[AtomicU64]> {
        self.is_ours().then(|| {
            // SAFETY: `new` mapped as many words in this process, aligned to a page, and zeros
            // are atomics.
            unsafe { slice::from_raw_parts(self.writing.as_ptr(), self.words) }
        })
    }

    /// Whether this process made the mappings, and so may write.
    fn is_ours(&self) -> bool {
        self.maker == process::id()
    }
}

impl Drop for OneWay {
    fn drop(&mut self) {
        let length = self.words.saturating_mul(size_of::<AtomicU64>());
        // SAFETY: `new` mapped this length, and the references of `words` borrow the value.
        unsafe { libc::munmap(self.reading.as_ptr().cast(), length) };
        if self.is_ours() {
            // SAFETY: as above; only in a child may another mapping have this place.
            unsafe { libc::munmap(self.writing.as_ptr().cast(), length) };
        }
    }
}

/// Maps `length` bytes twice, all zero: to be read, and to be written.
fn map(length: usize) -> io::Result<(NonNull<c_void>, NonNull<c_void>)> {
    let file = memory_file()?;
    file.set_len(u64::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?)?;
    let writing = map_file(&file, length, libc::PROT_READ | libc::PROT_WRITE)?;
    // SAFETY: the mapping has this length (madvise(2)).
    let kept = unsafe { libc::madvise(writing.as_ptr(), length, libc::MADV_DONTFORK) };
    let reading = if kept == 0 {
        seal(&file);
        map_file(&file, length, libc::PROT_READ)
    } else {
        Err(io::Error::last_os_error())
    };
    if reading.is_err() {
        // SAFETY: the mapping has this length, and there is no reference to it (munmap(2)).
        unsafe { libc::munmap(writing.as_ptr(), length) };
    }
    Ok((reading?, writing))
}

/// A file in memory, which has no name.
fn memory_file() -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a C string (memfd_create(2)).
    let descriptor = unsafe { libc::memfd_create(c"mod_session_crypto".as_ptr(), flags) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has opened the descriptor, and nothing else has it.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

/// Refuses every later attempt to write. Mappings that can write already still can.
///
/// A kernel that lacks the seal lets a child have that right again, if it asks for it.
fn seal(file: &File) {
    let seals = libc::F_SEAL_FUTURE_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK;
    // SAFETY: the descriptor is open (fcntl(2)).
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) };
}

#[cfg(test)]
mod tests {
    use std::ffi::c_int;
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;

    /// Runs `work` in a child, and returns how that ended, as wait(2) tells it.
    fn in_child(work: impl FnOnce() -> c_int) -> c_int {
        // SAFETY: the child calls nothing that another thread of this test may hold.
        match unsafe { libc::fork() } {
            0 => {
                let status = work();
                // SAFETY: the call does not return (_exit(2)).
                unsafe { libc::_exit(status) }
            }
            child => {
                let mut status = 0;
                // SAFETY: `status` is an int that the call fills (waitpid(2)).
                assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
                status
            }
        }
    }

    fn status_of_exit(status: c_int) -> Option<c_int> {
        libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
    }

    #[test]
    fn a_child_reads_what_the_parent_writes() {
        let memory = OneWay::new(100).unwrap();
        memory.writable_words().unwrap()[99].store(7, Relaxed);
        let status = in_child(|| {
            let reads = memory.words()[99].load(Relaxed) == 7;
            c_int::from(!(reads && memory.writable_words().is_none()))
        });
        assert_eq!(status_of_exit(status), Some(0));
    }

    #[test]
    fn a_child_gets_no_right_to_write() {
        let memory = OneWay::new(100).unwrap();
        let status = in_child(|| {
            let rights = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: the mapping has at least one byte (mprotect(2)).
            let status = unsafe { libc::mprotect(memory.reading.as_ptr().cast(), 1, rights) };
            c_int::from(status == 0)
        });
        assert_eq!(status_of_exit(status), Some(0), "mprotect is refused");
        let status = in_child(|| {
            memory.words()[0].store(7, Relaxed);
            0
        });
        assert_eq!(libc::WTERMSIG(status), libc::SIGSEGV, "the kernel ends it");
        let status = in_child(|| {
            // SAFETY: not kept: the child has no such mapping, and is to die of that.
            unsafe { &*memory.writing.as_ptr() }.store(7, Relaxed);
            0
        });
        assert_eq!(
            libc::WTERMSIG(status),
            libc::SIGSEGV,
            "there is no other way"
        );
        assert_eq!(memory.words()[0].load(Relaxed), 0);
    }
}
