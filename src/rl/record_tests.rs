//! Records are read back, and damage is an error.

use super::*;

fn record(largest: u32) -> Record {
    let rows = vec![vec![0.5f32, 0.25], vec![], vec![1.0], vec![0.0, 2.0, 3.0]];
    Record {
        samples: vec![7, 1 << 40],
        tasks: vec![0, 4],
        rewards: vec![1.0, 0.0, 0.1, 0.3],
        finished: vec![true, false, true, true],
        slopes: vec![0.5, 0.0, 1.25, 0.75],
        tokens: vec![vec![1, 2], vec![], vec![largest], vec![4, 5, 6]],
        logprobs: rows.iter().map(|row| row.iter().map(|value| -value).collect()).collect(),
        entropies: rows.clone(),
        entropies_one: rows,
        seats: None,
    }
}

/// The same rollouts as a question, two responses and a vote.
fn played() -> Record {
    let seats =
        Seats { roles: vec![0, 1, 2], sizes: vec![1, 2, 1], prompts: vec![vec![7, 70_000], vec![8], vec![9, 9]] };
    Record { samples: vec![1, 2, 3], tasks: vec![2, 1, 2], seats: Some(seats), ..record(9) }
}

#[test]
fn a_record_is_read_back_as_it_was() {
    let dir = tempfile::tempdir().expect("a folder");
    for largest in [65_535, 65_536, u32::MAX] {
        let path = Record::path(dir.path(), 3);
        record(largest).save(&path).expect("written");
        assert_eq!(Record::load(&path).expect("read"), record(largest));
    }
}

#[test]
fn groups_and_tasks_are_those_of_the_prompts() {
    let mut settings = Settings::default();
    settings.train.micro_prompts = 1;
    let flat = record(9).flat(&settings);
    assert_eq!((flat.groups, flat.tasks, flat.micro), (vec![0, 0, 1, 1], vec![0, 0, 4, 4], vec![0, 0, 1, 1]));
    assert_eq!(flat.lengths, [2, 0, 1, 3]);
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = Record::path(dir.path(), 1);
    for record in [record(9), played()] {
        record.save(&path).expect("written");
        let whole = std::fs::read(&path).expect("bytes");
        for cut in 0..whole.len() {
            assert!(Record::parse(&whole[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x41;
            // A changed number inside a tensor may go unseen; what must not happen is a panic.
            let _ = Record::parse(&bytes).map(|record| record.flat(&Settings::default()));
        }
    }
}

#[test]
fn a_record_of_self_play_keeps_roles_and_prompts() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = Record::path(dir.path(), 3);
    played().save(&path).expect("written");
    assert_eq!(Record::load(&path).expect("read"), played());
    let flat = played().flat(&Settings::default());
    assert_eq!((flat.groups, flat.tasks), (vec![0, 1, 1, 2], vec![5, 1, 1, 7]));
    let broken: [fn(&mut Seats); 4] = [
        |seats| seats.sizes[1] = 3,
        |seats| seats.roles[0] = 3,
        |seats| seats.prompts[2].clear(),
        |seats| seats.roles.push(1),
    ];
    for change in broken {
        let mut record = played();
        change(record.seats.as_mut().expect("seats"));
        record.save(&path).expect("written");
        assert!(Record::load(&path).is_err());
    }
}

/// Questions of a batch are compared with each other, responses and votes with those to the same prompt.
#[test]
fn questions_are_peers() {
    let mut record = played();
    record.seats = Some(Seats { roles: vec![1, 0, 0], sizes: vec![2, 1, 1], prompts: vec![vec![1]; 3] });
    let flat = record.flat(&Settings::default());
    assert_eq!((flat.groups, flat.peers), (vec![0, 0, 1, 2], vec![0, 0, 1, 1]));
}
