//! The endless array of cells in which every waiter of the library waits.
//!
//! An operation takes a *ticket* from a counter by one read-modify-write, and the ticket names a
//! cell. The two threads that share the cell (a sender and a receiver; a waiter and its waker) meet
//! there and nowhere else, and settle by compare-exchange of the cell's [`State`] which of them does
//! what. So tickets are served in their order, and no operation waits for a step that another thread
//! has begun. The idea is that of Kotlin's channels (Koval, Alistarh, Elizarov, PPoPP 2023) and of CQS
//! (Koval, Khalanskiy, Alistarh, PLDI 2023); how memory is found and given back is our own.
//!
//! # Segments
//! The array is a list of segments of equally many cells, numbered from 0. `head` is the oldest that
//! is still needed, and for each counter there is a *cursor*, a recent segment. A cursor's word is the
//! segment's address, and in the bits that an address leaves free a tag: the low bits of its number.
//!
//! # What keeps a segment alive
//! Each cell has two *parties*, one for each counter; a party that is done with a cell sets
//! its bit in the state ([`leave`](EndlessArray::leave)), and touches the segment no more. A cell is
//! finished when all its parties have left, a segment when all its cells are. The holder of a ticket
//! is a party that has not left, so its segment is alive: if a cursor's tag says that it is that segment, the holder
//! may follow the address without any further protection. That is the fast path: one load.
//!
//! (A tag has 23 bits. For a cursor to carry the tag of a segment and the address of another, 2²³
//! segments would have to be used up after a thread has taken its ticket, and the thread to read the cursor at that very
//! lap. A thread that comes back to a cell later, having waited there, has kept its address.)
//!
//! If the tag is another's, the thread *pins* the array (counts itself in `walkers`) and walks: from
//! the cursor, or from `head` if the cursor is past its segment already; segments that are missing it
//! appends. Then it moves the cursor to its own segment, which is alive as long as it is a party.
//!
//! A thread that looks at cells without holding their tickets *walks* too (module `walk`). Where one such walk goes on
//! from the last, a cursor of their own, a *scout*, remembers how far they have come.
//!
//! # How a segment dies
//! The party that finishes a cell notes it in a list beside the cells, and if the segment's last cell is finished, looks
//! whether the oldest segment is finished. As long as that is so, the thread moves the cursors off it to the next
//! segment, then `head`, and the thread whose CAS moves `head` puts the old segment in *limbo*. Two threads that finish
//! the last two cells of a segment at once may miss each other: then the segment dies with the next one.
//!
//! So one operation that stands still (a waiter, a stopped thread, a future that is not polled) would keep all segments
//! behind its own, though there be nothing in them any more. Two kinds of segments are dead in the middle of the list,
//! and are taken out of it. The one kind is *finished*, and both parties have gone on from the oldest segment. The
//! other holds nothing but cells whose waiters gave up: a waiter that gives up [*abandons*](EndlessArray::abandon) its
//! cell, and if one party has abandoned all cells of a segment before the other came to any, the segment is marked. The
//! mark and the parties that have come are in one word, so either the other party comes first, or the segment goes. A
//! thread that gets one of its tickets later finds the segment's number missing, and goes on with the next segment's
//! first ticket.
//!
//! The cursors are moved off a dead segment, its neighbours are linked, and it is put in limbo. One thread at a time
//! takes segments out, for two neighbours cannot be taken out at once; others leave theirs to it, and go on. It looks
//! along the whole list for them, once there are an eighth as many of them as were in the list at the last look; so a
//! dead segment costs some steps along the list, and no more than an eighth of the list is dead. The list's other end
//! is guarded by a *seal*: before a segment is retired its link to the next one is fixed, so that the next one cannot
//! be taken out while it comes to be the oldest; marked or finished as it is, it is retired as such.
//!
//! A thread stopped while it walks keeps dead segments from being reused, and nothing else.
//!
//! # Invariants
//! **Q1, a segment in limbo may be reused.** A live segment never points to a dead one, and a cursor never does. A
//! segment in limbo can be reached only by a walker that pinned before `head`, or the link to it, moved. A thread that
//! takes the whole limbo and *then* reads no walkers may reuse its segments: a walker that pins later finds cursors,
//! head and links moved on. Pin, cursor, head and link accesses are SeqCst for this one argument: a pin that the reader
//! of `walkers` did not see comes after it, and so after the moves. *Not model-checked* one by one: no model of a size
//! that can be explored objects when one of these accesses alone is weakened; the argument takes all of them, also the
//! reads of compare-exchanges that fail.
//!
//! **Q2, what a pin keeps.** As long as a thread has the array pinned, the memory of a segment stays that was alive at some
//! moment since the pin began, and of all that such a segment leads to. `head`, cursors and scouts point to segments that
//! are alive when they are read. (By Q1: such a segment comes to limbo after the pin began.)
//!
//! **Q3, what a party keeps.** A segment is alive as long as a party of one of its cells has not left the cell, and that
//! party may follow a pointer to it without a pin. Once it has left, it touches the segment no more.

mod array;
mod lazy;
mod retire;
mod segment;
mod stack_list;
mod state;
mod wait_cell;
mod waiters;
mod walk;
mod word;

pub(crate) use array::{Anchor, EndlessArray, Place, Scout};
pub(crate) use lazy::LazyBox;
pub(crate) use segment::ArrayCell;
pub(crate) use stack_list::push;
pub(crate) use state::{CellPhase, Party, State};
pub use waiters::{Ticket, Waiters, Wake};

/// A queue that is made when a thread first waits.
pub(crate) type LazyWaiters = LazyBox<Waiters>;
