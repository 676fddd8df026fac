//! Memory that a thread uses again.

use longlab_kernels::attention::Scratch;
use longlab_kernels::linear::Left;
use std::cell::Cell;

/// What a thread needs for a block of rows.
#[derive(Default)]
pub(super) struct Room {
    pub left: Left,
    pub unit: Vec<f32>,
    pub gate: Vec<f32>,
    pub up: Vec<f32>,
    pub out: Vec<f32>,
    pub scratch: Scratch,
    pub seen: Vec<usize>,
}

thread_local! {
    static ROOM: Cell<Room> = Cell::default();
}

/// Does some work with the room of this thread.
pub(super) fn with<T>(work: impl FnOnce(&mut Room) -> T) -> T {
    let mut room = ROOM.take();
    let done = work(&mut room);
    ROOM.set(room);
    done
}

/// So many numbers; what they are is not said.
pub(super) fn sized(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
    &mut buffer[..length]
}
