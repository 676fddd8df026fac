//! Locks between processes and, with records as other machines would write them, between machines.

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A holder on another machine.
fn elsewhere() -> Holder {
    Holder { token: "e15e".into(), host: "n2".into(), boot: "another boot".into(), process: 77, started: 1 }
}

/// The lock's file as a machine left it that last wrote `seconds` ago.
fn left(folder: &Path, holder: &Holder, seconds: u64) -> File {
    let path = folder.join("lock");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).unwrap();
    holder.write(&file).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    file
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn refusal(folder: &Path) -> String {
    Lock::take(folder).unwrap_err().to_string()
}

#[test]
fn the_second_taker_is_told_who_has_it() {
    let folder = folder();
    let first = Lock::take(folder.path()).unwrap();
    let error = refusal(folder.path());
    assert!(error.contains(&format!("in use by process {};", std::process::id())), "{error}");
    assert!(is_held(folder.path()));
    drop(first);
    assert!(!is_held(folder.path()));
    Lock::take(folder.path()).unwrap();
    assert_eq!(names(folder.path()), ["lock"], "no claim stays behind");
}

#[test]
fn a_living_holder_on_another_machine_is_refused_and_a_dead_one_is_not() {
    let folder = folder();
    left(folder.path(), &elsewhere(), 35);
    let error = refusal(folder.path());
    assert!(error.contains("process 77 on n2, heard of 3") && error.contains("dead after 120 s"), "{error}");
    assert!(is_held(folder.path()));
    left(folder.path(), &elsewhere(), SILENCE.as_secs() + 5);
    assert!(!is_held(folder.path()));
    let _taken = Lock::take(folder.path()).unwrap();
    assert!(refusal(folder.path()).contains(&format!("process {}", std::process::id())));
    assert_eq!(names(folder.path()), ["lock"]);
}

#[test]
fn the_lock_of_a_process_of_this_machine_that_died_is_free_at_once() {
    let folder = folder();
    // Its record stayed, as after a SIGKILL; the kernel has dropped the system's lock.
    left(folder.path(), &Holder::this_process(), 0);
    assert!(!is_held(folder.path()));
    Lock::take(folder.path()).unwrap();
}

#[test]
fn a_system_lock_that_outlives_its_dead_machine_is_replaced() {
    let folder = folder();
    // The file server keeps the lock of a machine that will not come back.
    let kept = left(folder.path(), &elsewhere(), SILENCE.as_secs() + 5);
    kept.try_lock().unwrap();
    let taken = Lock::take(folder.path()).unwrap();
    assert!(refusal(folder.path()).contains("in use by process"), "the new file is locked too");
    drop(taken);
    Lock::take(folder.path()).unwrap();
    assert_eq!(names(folder.path()), ["lock"]);
}

#[test]
fn a_claim_of_a_living_process_elsewhere_is_respected_and_a_dead_one_followed() {
    let folder = folder();
    left(folder.path(), &elsewhere(), 500);
    let claim = beside(&folder.path().join("lock"), "after", "e15e");
    let maker = Holder { token: "c1a1".into(), host: "n3".into(), ..elsewhere() };
    let file = File::create(&claim).unwrap();
    maker.write(&file).unwrap();
    assert!(refusal(folder.path()).contains("another process that takes it over"));
    file.set_modified(SystemTime::now() - Duration::from_secs(500)).unwrap();
    let _taken = Lock::take(folder.path()).unwrap();
    assert_eq!(names(folder.path()), ["lock"]);
}

#[test]
fn a_claim_made_too_late_gives_way() {
    let folder = folder();
    let path = folder.path().join("lock");
    let seen = elsewhere();
    left(folder.path(), &seen, 500);
    let me = Holder::this_process();
    let faster = Lock::take(folder.path()).unwrap();
    // Slow: it had looked before the other took the lock, and claims only now.
    let claims = claim(&path, Some(&seen), System::Ours, &me).unwrap().unwrap();
    assert_ne!(Holder::at(&path).unwrap(), Some(seen), "which is what an attempt looks at after its claim");
    claims.iter().for_each(|claim| fs::remove_file(claim).unwrap());
    drop(faster);
}

#[test]
fn a_holder_renews_its_time_and_learns_that_it_lost_the_lock() {
    let folder = folder();
    let path = folder.path().join("lock");
    let lock = Lock::take_with_beat(folder.path(), Duration::from_millis(5)).unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(1000);
    lock.file.set_modified(long_ago).unwrap();
    let renewed = || age(&File::open(&path).unwrap(), SystemTime::now()) < Duration::from_secs(100);
    wait(renewed);
    assert!(!lock.is_lost());
    // Another machine took it over while this one was suspended.
    elsewhere().write(&lock.file).unwrap();
    wait(|| lock.is_lost());
    drop(lock);
    assert_eq!(Holder::at(&path).unwrap(), Some(elsewhere()), "what is not its own it does not give back");
}

fn wait(condition: impl Fn() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it never came");
}

#[test]
fn a_claim_by_a_living_process_counts_without_the_lock_of_the_system() {
    let folder = folder();
    left(folder.path(), &elsewhere(), 500);
    let claim = beside(&folder.path().join("lock"), "after", &elsewhere().token);
    Holder::this_process().write(&File::create(&claim).unwrap()).unwrap();
    assert!(matches!(Lock::take(folder.path()), Err(LabError::Locked { .. })));
    std::fs::remove_file(&claim).unwrap();
    Lock::take(folder.path()).unwrap();
}

#[test]
fn of_many_takers_of_a_dead_lock_one_gets_it() {
    for _ in 0..20 {
        let folder = folder();
        left(folder.path(), &elsewhere(), 500);
        let taken: Vec<Option<Lock>> = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..4).map(|_| scope.spawn(|| Lock::take(folder.path()).ok())).collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).collect()
        });
        assert_eq!(taken.iter().flatten().count(), 1);
    }
}
