//! A rotation replaces its file at once, and leaves a whole one whenever it is killed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops"
)]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::{Command, Stdio};

use rustix::fs::{
    FlockOperation, Mode, OFlags, XattrFlags, flock, getxattr, open, removexattr, setxattr,
};
use rustix::io::Errno;

use common::{Folder, PROGRAM, Ran, run};

mod common;

fn count(folder: &Folder, file: &str) -> usize {
    let shown = folder.json(&["keys", file], "");
    shown[0]["keys"].as_array().unwrap().len()
}

#[test]
fn a_file_keeps_its_permissions_and_its_owner() {
    let folder = Folder::new();
    folder.ok(&["key", "-o", "keys"], "");
    let is_root = fs::metadata(&folder.0).unwrap().uid() == 0;
    for mode in [0o400, 0o600, 0o640] {
        let path = folder.path("keys");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        if is_root {
            chown(&path, Some(1), Some(2)).unwrap();
        }
        let old = fs::metadata(&path).unwrap();
        folder.ok(&["rotate", "keys"], "");
        let new = fs::metadata(&path).unwrap();
        assert_ne!(old.ino(), new.ino(), "it is another file");
        assert_eq!(old.mode(), new.mode());
        assert_eq!((old.uid(), old.gid()), (new.uid(), new.gid()));
    }
    assert_eq!(folder.names(), ["keys"]);
}

/// The lists are those of acl(5): a version, and entries of a tag, rights and an id.
#[test]
fn a_file_keeps_its_access_control_list() {
    let list = |rights: [(u16, u16, u32); 5]| -> Vec<u8> {
        let entry = |(tag, rights, id): (u16, u16, u32)| {
            let [tag, rights] = [tag, rights].map(u16::to_le_bytes);
            [&tag[..], &rights, &id.to_le_bytes()].concat()
        };
        let entries: Vec<u8> = rights.into_iter().flat_map(entry).collect();
        [&2_u32.to_le_bytes()[..], &entries].concat()
    };
    const NONE: u32 = u32::MAX;
    // The owner, user 1, the group, the most that others than the owner get, and the rest.
    let rights = |user, most| {
        list([
            (1, 6, NONE),
            (2, user, 1),
            (4, 0, NONE),
            (16, most, NONE),
            (32, 0, NONE),
        ])
    };
    const ACCESS: &str = "system.posix_acl_access";
    let folder = Folder::new();
    folder.ok(&["key", "-o", "keys"], "");
    let keys = folder.path("keys");
    let set = |path, name, list: &[u8]| setxattr(path, name, list, XattrFlags::empty());
    if let Err(Errno::NOTSUP) = set(&keys, ACCESS, &rights(4, 4)) {
        return;
    }
    let read = || {
        let mut list = [0; 100];
        let length = getxattr(&keys, ACCESS, &mut list);
        length.map(|length| list[..length].to_vec())
    };
    folder.ok(&["rotate", "keys"], "");
    assert_eq!(read().unwrap(), rights(4, 4));
    // A directory gives its new files a list, which is not that of the old one.
    removexattr(&keys, ACCESS).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o640)).unwrap();
    set(&folder.0, "system.posix_acl_default", &rights(4, 4)).unwrap();
    folder.ok(&["rotate", "keys"], "");
    assert_eq!(read(), Err(Errno::NODATA));
    assert_eq!(fs::metadata(&keys).unwrap().mode() & 0o777, 0o640);
}

/// As Kubernetes shows a secret: a link to a file in a folder, which is a link too.
#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let folder = Folder::new();
    fs::create_dir(folder.path("..2026")).unwrap();
    folder.ok(&["key", "-o", "..2026/keys"], "");
    symlink("..2026", folder.path("..data")).unwrap();
    symlink("..data/keys", folder.path("keys")).unwrap();
    folder.ok(&["rotate", "keys"], "");
    assert_eq!(
        fs::read_link(folder.path("keys")).unwrap().to_str(),
        Some("..data/keys")
    );
    assert_eq!(count(&folder, "..2026/keys"), 2);
    assert!(
        fs::symlink_metadata(folder.path("..2026/keys"))
            .unwrap()
            .is_file()
    );
}

#[test]
fn rotations_at_the_same_time_wait_for_each_other() {
    let folder = Folder::new();
    folder.ok(&["key", "-o", "keys"], "");
    let rotations: Vec<_> = (0..20)
        .map(|_| {
            let mut command = Command::new(PROGRAM);
            command.args(["rotate", "keys"]).current_dir(&folder.0);
            std::thread::spawn(move || run(command, b""))
        })
        .collect();
    for rotation in rotations {
        let ran = rotation.join().unwrap();
        assert_eq!(ran.status, 0, "{}", ran.errors);
    }
    assert_eq!(count(&folder, "keys"), 21);
    assert_eq!(folder.names(), ["keys"]);
}

#[test]
fn a_rotation_that_waits_says_so() {
    let folder = Folder::new();
    folder.ok(&["key", "-o", "keys"], "");
    let keys = fs::File::open(folder.path("keys")).unwrap();
    flock(&keys, FlockOperation::LockExclusive).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["rotate", "keys"]).current_dir(&folder.0);
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut rotation = piped.spawn().unwrap();
    let mut errors = BufReader::new(rotation.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert_eq!(
        line,
        "htsession: keys is locked by another process: waiting for it, 60 seconds at most\n"
    );
    flock(&keys, FlockOperation::Unlock).unwrap();
    assert!(rotation.wait().unwrap().success());
    line.clear();
    errors.read_to_string(&mut line).unwrap();
    assert_eq!(line, "", "it says so once");
    assert_eq!(count(&folder, "keys"), 2);
}

#[test]
fn cron_jobs_at_the_same_time_rotate_once() {
    let folder = Folder::new();
    let old = r#"{"keys":[{"kty":"oct","kid":"a","k":"AAAAAAAAAAAAAAAAAAAAAA","iat":1}]}"#;
    folder.write("keys", old);
    fs::set_permissions(folder.path("keys"), fs::Permissions::from_mode(0o600)).unwrap();
    let rotations: Vec<_> = (0..10)
        .map(|_| {
            let mut command = Command::new(PROGRAM);
            command.args(["rotate", "keys", "--if-older", "1d"]);
            command.current_dir(&folder.0);
            std::thread::spawn(move || run(command, b""))
        })
        .collect();
    for rotation in rotations {
        assert_eq!(rotation.join().unwrap().status, 0);
    }
    assert_eq!(count(&folder, "keys"), 2);
}

/// A folder where no file can be made: root may make one anywhere else.
#[test]
fn a_file_that_cannot_be_replaced_stays_as_it_is() {
    let folder = Folder::new();
    folder.ok(&["key", "-o", "keys"], "");
    let old = folder.read("keys");
    // The name of the new file is taken, by a folder that is not empty.
    fs::create_dir_all(folder.path("keys.htsession-new/full")).unwrap();
    folder.fails(
        &["rotate", "keys"],
        "",
        4,
        "keys cannot be replaced: File exists",
    );
    assert_eq!(folder.read("keys"), old);
}

/// strace kills the process at each system call in turn, before the kernel does it.
#[test]
fn a_rotation_that_is_killed_anywhere_leaves_a_whole_file() {
    let folder = Folder::new();
    folder.ok(&["key", "-o", "keys"], "");
    let old = folder.read("keys");
    let traced = |options: &[&str]| traced(&folder, options, &["rotate", "keys"]);
    let whole = traced(&["-f", "-o", "trace"]);
    assert_eq!(whole.status, 0, "{}", whole.errors);
    let trace = folder.read("trace");
    let calls: Vec<_> = trace.lines().filter_map(|line| call(line)).collect();
    assert!(
        calls.contains(&"rename") && calls.contains(&"fsync"),
        "{trace}"
    );
    // NFS locks only a file that is open for writing.
    let locked = trace.lines().take_while(|line| !line.contains(" flock("));
    let opened = locked.filter(|line| line.contains("/keys\", O_")).last();
    assert!(opened.unwrap_or_default().contains("O_RDWR"), "{trace}");

    let (mut seen, mut outcomes) = (HashMap::new(), [0, 0]);
    for name in calls {
        let number = seen.entry(name).or_insert(0);
        *number += 1;
        folder.write("keys", &old);
        let fault = format!("inject={name}:signal=KILL:when={number}");
        let ran = traced(&["-f", "-o", "trace", "-e", &fault]);
        let new = folder.read("keys");
        let place = format!("killed at {name} {number}, {}", ran.errors);
        // A call that this run has less than the one before kills nothing.
        outcomes[usize::from(new != old)] += usize::from(ran.status != 0);
        if new != old {
            assert_eq!(count(&folder, "keys"), 2, "{place}");
        }
        // The file that a killed run leaves does not stop the next, which cleans up.
        folder.write("keys", &old);
        let _ = fs::set_permissions(folder.path("keys"), fs::Permissions::from_mode(0o600));
        folder.ok(&["rotate", "keys"], "");
        assert_eq!(count(&folder, "keys"), 2, "{place}");
        assert_eq!(folder.names(), ["keys", "trace"], "{place}");
    }
    assert!(outcomes[0] > 10 && outcomes[1] > 0, "{outcomes:?}");
}

/// The same for a new file, from the moment when something is written.
#[test]
fn a_new_file_is_whole_or_not_there() {
    let folder = Folder::new();
    let traced = |options: &[&str]| traced(&folder, options, &["key", "-o", "new"]);
    assert_eq!(traced(&["-f", "-o", "trace"]).status, 0);
    let trace = folder.read("trace");
    let is_unnamed = has_unnamed_files(&folder);
    let (mut seen, mut outcomes, mut writes) = (HashMap::new(), [0, 0], false);
    for line in trace.lines() {
        let Some(name) = call(line) else {
            continue;
        };
        let number = seen.entry(name).or_insert(0);
        *number += 1;
        writes |= line.contains("O_TMPFILE") || line.contains("htsession-new");
        if !writes {
            continue;
        }
        let _ = fs::remove_file(folder.path("new"));
        let fault = format!("inject={name}:signal=KILL:when={number}");
        let ran = traced(&["-f", "-o", "trace", "-e", &fault]);
        let is_there = folder.path("new").exists();
        outcomes[usize::from(is_there)] += usize::from(ran.status != 0);
        if is_there {
            assert_eq!(count(&folder, "new"), 1, "killed at {name} {number}");
        }
        if is_unnamed {
            let names = folder.names();
            let is_left = |name: &String| name != "new" && name != "trace";
            assert!(!names.iter().any(is_left), "{names:?}");
        }
    }
    assert!(outcomes[0] > 2 && outcomes[1] > 0, "{outcomes:?}");
}

/// strace has the file system know no files without a name, and then hides `/proc`, through
/// which they get one.
#[test]
fn a_new_file_needs_no_file_without_a_name() {
    let folder = Folder::new();
    if !has_unnamed_files(&folder) {
        return;
    }
    let create = |fault: &[&str], name| {
        let options = [&["-f", "-o", "trace"], fault].concat();
        traced(&folder, &options, &["key", "-o", name])
    };
    assert_eq!(create(&[], "first").status, 0);
    let trace = folder.read("trace");
    let makes = trace.lines().position(|line| line.contains("O_TMPFILE"));
    let makes = makes.unwrap();
    let calls = trace.lines().take(makes + 1).filter_map(call);
    let name = calls.clone().last().unwrap();
    let number = calls.filter(|call| *call == name).count();
    let unknown = format!("inject={name}:error=EOPNOTSUPP:when={number}");
    for (fault, name) in [
        (&*unknown, "second"),
        ("inject=linkat:error=ENOENT:when=1", "third"),
    ] {
        for (name, status) in [(name, 0), ("first", 4)] {
            let ran = create(&["-e", fault], name);
            assert_eq!(ran.status, status, "{}", ran.errors);
            assert_eq!(count(&folder, name), 1);
            assert!(folder.read("trace").contains("(INJECTED)"), "{fault}");
        }
    }
    assert_eq!(folder.names(), ["first", "second", "third", "trace"]);
}

/// Whether the file system has files without a name.
fn has_unnamed_files(folder: &Folder) -> bool {
    open(
        &folder.0,
        OFlags::TMPFILE | OFlags::WRONLY,
        Mode::RUSR | Mode::WUSR,
    )
    .is_ok()
}

/// A container may leave a file that has the number of its process in its name, and the next
/// one has the same number.
#[test]
fn a_new_file_takes_nothing_from_another_process() {
    let folder = Folder::new();
    let mut shell = Command::new("sh");
    let script = "echo other > new.$$.htsession-new; exec \"$0\" key -o new";
    shell.args(["-c", script, PROGRAM]).current_dir(&folder.0);
    let ran = run(shell, b"");
    assert_eq!(ran.status, 0, "{}", ran.errors);
    assert_eq!(count(&folder, "new"), 1);
    assert_eq!(folder.names().len(), 2, "{:?}", folder.names());
}

/// Runs the program under strace.
fn traced(folder: &Folder, options: &[&str], arguments: &[&str]) -> Ran {
    let mut command = Command::new("strace");
    command.args(options).arg(PROGRAM).args(arguments);
    command.current_dir(&folder.0);
    run(command, b"")
}

/// The name of the call in a line of strace, after the number of the process. A call that
/// never returns to be counted ends the process.
fn call(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(' ')?;
    let (name, _) = rest.trim_start().split_once('(')?;
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && !matches!(name, "execve" | "exit_group")).then_some(name)
}
