//! The cost of counting, which each request pays: by one thread, and by more of them beside
//! each other.
//!
//! `cargo bench -p session-crypto-core --bench counters`. Threads that have a stripe each do
//! not wait for each other. Threads that share one do, if they run on several processors.

use std::hint::black_box;
use std::thread;

use divan::Bencher;
use divan::counter::ItemsCount;
use session_crypto_core::{Counters, Event, KeyCounter, KeyEvent, TokenFormat};

const THREADS: [usize; 3] = [1, 2, 16];

/// Tokens that each thread counts.
const EACH: usize = 100_000;

const EVENT: Event = Event::Opened(TokenFormat::Jwe);
const NOON: u64 = 1_800_000_000;

fn main() {
    divan::main();
}

fn counters() -> Counters {
    let words = (0..Counters::words(16)).map(|_| 0.into());
    Counters::view(words.collect::<Vec<_>>().leak())
}

/// Runs threads that count what an opened token counts, each in the stripe of a number.
fn run(
    bencher: Bencher<'_, '_>,
    threads: usize,
    counters: Counters,
    stripe: impl Fn(usize) -> usize + Sync,
) {
    let tokens = ItemsCount::new(threads.saturating_mul(EACH));
    bencher.counter(tokens).bench_local(|| {
        thread::scope(|scope| {
            for number in 0..threads {
                let processor = stripe(number);
                scope.spawn(move || {
                    for _ in 0..EACH {
                        counters.count(black_box(EVENT), processor);
                        counters.count_key(KeyCounter::OTHER, KeyEvent::Opened, NOON, processor);
                    }
                });
            }
        });
    });
}

/// Counters that count nothing, as in a program.
#[divan::bench(args = THREADS)]
fn none(bencher: Bencher<'_, '_>, threads: usize) {
    run(bencher, threads, black_box(Counters::none()), |number| {
        number
    });
}

/// Each thread has a stripe.
#[divan::bench(args = THREADS)]
fn own_stripe(bencher: Bencher<'_, '_>, threads: usize) {
    run(bencher, threads, counters(), |number| number);
}

/// All threads share a stripe, as they would without stripes.
#[divan::bench(args = THREADS)]
fn one_stripe(bencher: Bencher<'_, '_>, threads: usize) {
    run(bencher, threads, counters(), |_| 0);
}
