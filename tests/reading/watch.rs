//! `longlab watch`: what the view shows, cell by cell, and what is printed without a terminal.

use super::{finish, list, longlab, toy};
use longlab::lab::experiment::Plan;
use longlab::lab::lock::Lock;
use longlab::lab::{Layout, layout};
use longlab::spec;
use longlab::watch::board::Scope;
use longlab::watch::{Board, State, draw, plain};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::KeyCode;
use ratatui::style::Color;
use std::fs;
use std::path::{Path, PathBuf};

/// A laboratory with a finished job, one that runs in its third of four steps, one that failed and one that waits.
struct Laboratory {
    dir: tempfile::TempDir,
    spec: String,
    ids: Vec<String>,
    // The lock of the running job.
    _lock: Lock,
}

const HEADER: &str = "step,reward,entropy,response_tokens,latch\n";

fn laboratory() -> Laboratory {
    let (dir, spec, ids) = toy();
    finish(dir.path(), &ids[0], 5, 0.5);
    let folder = |id: &str| dir.path().join("results/jobs").join(id);
    for id in &ids[1..3] {
        fs::create_dir_all(folder(id)).expect("a folder");
    }
    let rows = "1,0.25,0.5,20,0\n2,0.375,0.25,20,1\n3,0.5,0.125,20,1\n4,0.";
    fs::write(folder(&ids[1]).join("metrics.csv"), format!("{HEADER}{rows}")).expect("written");
    let timing =
        "step,rollout_seconds,rollout_tokens,update_seconds,update_tokens\n1,2,900,1,9\n2,2,900,1,9\n3,2,1000,1,9\n";
    fs::write(folder(&ids[1]).join("timing.csv"), timing).expect("written");
    fs::write(folder(&ids[2]).join("log.txt"), "no base policy").expect("written");
    list(dir.path(), &ids, 1);
    let jobs = dir.path().join("results/toy/jobs.csv");
    let text = fs::read_to_string(&jobs).expect("a list");
    fs::write(&jobs, text.replace(&format!("{},pending", ids[2]), &format!("{},failed", ids[2]))).expect("written");
    let lock = Lock::take(&folder(&ids[1])).expect("free");
    Laboratory { dir, spec, ids, _lock: lock }
}

impl Laboratory {
    fn layout(&self) -> Layout {
        Layout::new(self.dir.path().join("results"), self.dir.path().join("reports"))
    }

    fn board(&self) -> Board {
        let experiment = spec::load(Path::new(&self.spec)).expect("a sound spec");
        Board::new(&experiment, &Plan::new(&experiment, &self.layout()).expect("a plan"), &self.layout())
    }

    fn folder(&self, job: usize) -> PathBuf {
        self.dir.path().join("results/jobs").join(&self.ids[job])
    }
}

#[test]
fn a_board_knows_the_state_the_pace_and_the_time_left_of_every_job() {
    let lab = laboratory();
    let mut board = lab.board();
    let states: Vec<State> = board.jobs.iter().map(|job| job.state).collect();
    assert_eq!(states, [State::Done, State::Running, State::Failed, State::Waiting]);
    assert_eq!(board.chosen, 1, "the job that runs");
    let running = &board.jobs[1];
    assert_eq!((running.history.rate, running.left), (Some(500.0), Some(3.0)), "one step of three seconds is left");
    assert_eq!(running.history.curves[1], [(1.0, 0.5), (2.0, 0.25), (3.0, 0.125)]);
    // Of sixteen steps four are done in one job and three in another.
    assert_eq!((board.share(), board.counts().as_str()), (7.0 / 16.0, "1 done, 1 running, 1 waiting, 1 failed"));
    assert!(!board.ended());
    for job in [1, 3] {
        finish(lab.dir.path(), &lab.ids[job], 5, 0.5);
    }
    board.look("toy", &lab.layout());
    assert!(board.ended() && board.number(State::Done) == 3, "{}", board.counts());
}

#[test]
fn a_job_with_fresh_rows_and_no_process_here_may_run_elsewhere() {
    let lab = laboratory();
    let waiting = lab.folder(3);
    fs::create_dir_all(&waiting).expect("a folder");
    fs::write(layout::metrics_csv(&waiting), format!("{HEADER}1,0.5,0.5,20,0\n")).expect("written");
    let mut board = lab.board();
    assert_eq!(board.jobs[3].state, State::Elsewhere);
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let file = fs::File::options().append(true).open(layout::metrics_csv(&waiting)).expect("there");
    file.set_modified(hour_ago).expect("set");
    board.look("toy", &lab.layout());
    assert_eq!(board.jobs[3].state, State::Stopped);
}

#[test]
fn keys_choose_pause_and_leave() {
    let mut board = laboratory().board();
    for (key, chosen) in [(KeyCode::Up, 0), (KeyCode::Up, 0), (KeyCode::End, 3), (KeyCode::Down, 3), (KeyCode::Home, 0)]
    {
        assert!(!board.press(key));
        assert_eq!(board.chosen, chosen, "{key:?}");
    }
    for scope in [Scope::Variant, Scope::All, Scope::Job] {
        board.press(KeyCode::Tab);
        assert_eq!(board.scope, scope);
    }
    board.press(KeyCode::Char('p'));
    assert!(board.paused && draw::text(&board, 100, 24).contains("paused"));
    assert!(board.press(KeyCode::Char('q')) && board.press(KeyCode::Esc));
}

#[test]
fn a_terminal_shows_jobs_curves_and_latch() {
    let board = laboratory().board();
    let text = draw::text(&board, 100, 24);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 24);
    let expected = EXPECTED.trim_matches('\n');
    assert_eq!(text.trim_end(), expected.trim_end(), "\n{text}");

    let mut terminal = Terminal::new(TestBackend::new(100, 24)).expect("memory");
    terminal.draw(|frame| draw::draw(&board, frame)).expect("memory");
    let buffer = terminal.backend().buffer();
    let row = |word: &str| lines.iter().position(|line| line.contains(word)).expect("a row") as u16;
    let colour = |word: &str| {
        let y = row(word);
        let x = lines[y as usize].split(word).next().expect("before it").chars().count() as u16;
        buffer[(x, y)].fg
    };
    assert_eq!(["done  ", "running ", "failed  "].map(colour), [Color::Green, Color::Cyan, Color::Red]);
}

const EXPECTED: &str = "
 toy
 ━━━━━━━━━━━━━─────────────────  44%  0:15 left  1 done, 1 running, 1 waiting, 1 failed
 variant seed state                       step reward entropy latch tokens/s    left
 GRPO       0 done      ━━━━━━━━━━━━       4/4  0.500   0.250   off        -       -
>GRPO       1 running   ━━━━━━━━━───       3/4  0.500   0.125    on      500    0:03
 slower     0 failed    ────────────       0/4      -       -     -        -       -
 slower     1 waiting   ────────────       0/4      -       -     -        -    0:12
 GRPO seed 1
┌ reward (0 to 1) ───────────────────────────────┐┌ entropy (nats) ────────────────────────────────┐
│0.512│                          ⢀⡠              ││0.519│⢄                                         │
│     │                       ⢀⠤⠒⠁               ││     │ ⠉⠢⡀                                      │
│     │                    ⣀⠤⠊⠁                  ││     │   ⠈⠒⢄                                    │
│     │                 ⣀⠔⠊                      ││     │      ⠑⠢⡀                                 │
│     │              ⡠⠔⠉                         ││     │        ⠈⠢⢄                               │
│0.375│           ⡠⠔⠉                            ││0.312│           ⠑⢄⡀                            │
│     │       ⢀⡠⠒⠉                               ││     │             ⠈⠒⠤⣀                         │
│     │    ⢀⡠⠒⠁                                  ││     │                 ⠉⠒⠢⢄⡀                    │
│     │ ⢀⠤⠒⠁                                     ││     │                     ⠈⠑⠒⠤⣀                │
│0.237│⠊⠁                                        ││0.106│                          ⠉⠒              │
│     └──────────────────────────────────────────││     └──────────────────────────────────────────│
│     1                                         4││     1                                         4│
└────────────────────────────────────────────────┘└────────────────────────────────────────────────┘
 latch on   ·██
 arrows choose a job   tab job, variant, all   p pauses   q leaves
";

#[test]
fn small_and_odd_terminals_are_drawn_without_a_panic() {
    let mut board = laboratory().board();
    for scope in [Scope::Job, Scope::Variant, Scope::All] {
        board.scope = scope;
        for (width, height) in [(1, 1), (20, 5), (60, 40), (300, 80), (100, 20)] {
            assert_eq!(draw::text(&board, width, height).lines().count(), height as usize);
        }
    }
    board.jobs.clear();
    assert!(draw::text(&board, 80, 24).contains("q leaves"));
}

#[test]
fn without_a_terminal_each_change_is_a_line() {
    let lab = laboratory();
    let mut board = lab.board();
    let mut plain = plain::Plain::default();
    let ids = &lab.ids;
    assert_eq!(
        plain.changes(&board),
        [
            format!("GRPO seed 0 ({}): done 4/4, reward 0.500, entropy 0.250, latch off", ids[0]),
            format!(
                "GRPO seed 1 ({}): running 3/4, reward 0.500, entropy 0.125, latch on, 500 tokens/s, 0:03 left",
                ids[1]
            ),
            format!("slower seed 0 ({}): failed 0/4", ids[2]),
            "all jobs: 1 done, 1 running, 1 waiting, 1 failed, 44% of the steps, 0:15 left".to_string(),
        ]
    );
    assert!(plain.changes(&board).is_empty(), "nothing has changed");
    finish(lab.dir.path(), &ids[3], 5, 0.25);
    board.look("toy", &lab.layout());
    let lines = plain.changes(&board);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with(&format!("slower seed 1 ({}): done 4/4, reward 0.250", ids[3])), "{lines:?}");
}

#[test]
fn one_look_and_the_lines_from_outside() {
    let lab = laboratory();
    let before = fs::read(lab.folder(1).join("lock")).expect("a lock");
    let (code, out, error) = longlab(lab.dir.path(), &["watch", &lab.spec, "--once"]);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(out.lines().count(), 30, "{out}");
    for part in
        ["toy", "1 done, 1 running, 1 waiting, 1 failed", "3/4", "0:03", "entropy (nats)", "latch on", "q leaves"]
    {
        assert!(out.contains(part), "{part:?} is not in\n{out}");
    }
    assert!(out.chars().any(|sign| ('\u{2801}'..='\u{28ff}').contains(&sign)), "no curve in braille: {out}");
    assert!(!out.contains('\u{1b}'), "a look is plain text");
    assert_eq!(fs::read(lab.folder(1).join("lock")).expect("a lock"), before, "a look takes no lock");
    assert!(!lab.dir.path().join("results/jobs").join(&lab.ids[3]).exists(), "a look makes no folder");

    // When nothing will change any more, the lines end by themselves, and with 1 since a job failed.
    for job in [1, 3] {
        finish(lab.dir.path(), &lab.ids[job], 5, 0.5);
    }
    let (code, out, error) = longlab(lab.dir.path(), &["watch", &lab.spec, "--every", "0.1"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(out.contains("all jobs: 3 done, 1 failed, 75% of the steps\n") && !out.contains('\u{1b}'), "{out}");
    let (code, _, error) = longlab(lab.dir.path(), &["watch", &lab.spec, "--every", "0"]);
    assert!(code == Some(2) && error.contains("0 is not within 0.1..3600"), "{error}");
}
