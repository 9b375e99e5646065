//! The cost of counting, which each request pays: by one thread, and by more of them at once.
//!
//! `cargo bench -p session-crypto-core --bench counters`. Threads with a stripe of their own
//! count as fast as one alone, and threads that share one wait for each other.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use divan::Bencher;
use session_crypto_core::{Counters, Event, KeyCounter, KeyEvent, SharedMemory, TokenFormat};

const THREADS: [usize; 3] = [1, 2, 16];
const EVENT: Event = Event::Opened(TokenFormat::Jwe);
const NOON: u64 = 1_800_000_000;

fn main() {
    divan::main();
}

/// The number of this thread, in place of that of its processor.
fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}

fn counters() -> Counters {
    let words = (0..Counters::words(16)).map(|_| 0.into());
    Counters::view(words.collect::<Vec<_>>().leak())
}

/// Counts what an opened token counts.
fn count(counters: &Counters, processor: usize) {
    counters.count(black_box(EVENT), processor);
    counters.count_key(KeyCounter::OTHER, KeyEvent::Opened, NOON, processor);
}

/// Counts nothing, as a program does.
#[divan::bench(threads = THREADS)]
fn none(bencher: Bencher<'_, '_>) {
    let counters = SharedMemory::of_program().counters;
    bencher.bench(|| count(&counters, number()));
}

/// Each thread has a stripe.
#[divan::bench(threads = THREADS)]
fn own_stripe(bencher: Bencher<'_, '_>) {
    let counters = counters();
    bencher.bench(|| count(&counters, number()));
}

/// All threads share a stripe, as without stripes.
#[divan::bench(threads = THREADS)]
fn one_stripe(bencher: Bencher<'_, '_>) {
    let counters = counters();
    bencher.bench(|| count(&counters, 0));
}
