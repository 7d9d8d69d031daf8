//! An execution as a page that needs nothing else.

use super::{Event, EventId, Execution, Line, Source};
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

const WIDTH: usize = 470;
const BOX_WIDTH: usize = 430;
const ROW: usize = 62;
const BOX_HEIGHT: usize = 42;
/// The characters that a line of a box has room for.
const ROOM: usize = 57;
const TOP: usize = 40;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --box: #f2f4f7; --line: #98a2b3; --read: #197a3e; --bad: #c4320a; --hb: #2e90fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ec; --paper: #15181d; --box: #23272e; --line: #667085; --read: #47cd89; --bad: #ff692e; --hb: #53b1fd; } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2em; }
h1 { font-size: 1.2em; } h2 { font-size: 1em; margin: 1.2em 0 .3em; } p { margin: .3em 0; }
h1, p, pre { max-width: 70em; } .code, pre { font-family: ui-monospace, monospace; white-space: pre-wrap; } mark { background: none; color: var(--bad); font-weight: bold; }
.wrong td { vertical-align: top; } .dim { opacity: .7; }
svg text { font: 12px ui-monospace, monospace; fill: var(--ink); } svg .title { font-weight: bold; } svg .line { font-size: 11px; opacity: .75; } svg .mark { font-weight: bold; }
.event rect { fill: var(--box); stroke: var(--line); } .event.culprit rect { stroke: var(--bad); stroke-width: 2.5; }
.event.before rect { stroke: var(--hb); stroke-width: 2.5; } .event { cursor: pointer; }
.po { stroke: var(--line); fill: none; } .rf { stroke: var(--read); fill: none; stroke-width: 1.5; } .rf.gap { stroke: var(--bad); stroke-dasharray: 6 4; }
table { border-collapse: collapse; } td { padding: .1em 1em .1em 0; font-family: ui-monospace, monospace; }
.legend span { margin-right: 1.5em; } .legend .read { color: var(--read); } .legend .bad { color: var(--bad); } .legend .hb { color: var(--hb); }
";

/// Highlights the events that happen before the event under the pointer.
const SCRIPT: &str = "
const events = [...document.querySelectorAll('.event')];
for (const event of events) {
  const clock = event.dataset.before.split(',').map(Number);
  event.addEventListener('mouseenter', () => {
    for (const other of events) {
      const before = other !== event && Number(other.dataset.index) < (clock[Number(other.dataset.thread)] || 0);
      other.classList.toggle('before', before);
    }
  });
  event.addEventListener('mouseleave', () => events.forEach(other => other.classList.remove('before')));
}
document.body.dataset.ready = 'yes';
";

/// Returns the execution as a self-contained HTML page: a column for each thread, time downwards, reads-from arrows.
pub fn html(execution: &Execution) -> String {
    let rows = rows(execution);
    let height = TOP + ROW * (rows.iter().flatten().max().map_or(0, |row| row + 1) + 1);
    let width = WIDTH * execution.threads.len();
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "an execution" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (execution.headline) }
                (what_went_wrong(execution))
                h2 { "The execution" }
                p.legend {
                    span { "downwards: program order" }
                    span.read { "→ reads from" }
                    @if execution.gap().is_some() { span.bad { "⇢ reads from, and should order but does not" } }
                    span.bad { "▢ what went wrong" }
                    span.hb { "▢ happens before the event pointed at" }
                }
                svg width=(width) height=(height) {
                    defs {
                        marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" {
                            path d="M0 0 L8 4 L0 8 z" fill="#197a3e" {}
                        }
                    }
                    @for thread in 0..execution.threads.len() { (column(execution, thread, &rows)) }
                    @for id in execution.ids() { (arrow(execution, id, &rows)) }
                }
                h2 { "Modification order" }
                table {
                    @for location in &execution.locations {
                        tr { td { (location.name) } td { (execution.modification_order(location)) } }
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// Returns the two operations that went wrong, with their source lines, and why.
fn what_went_wrong(execution: &Execution) -> Markup {
    let said = execution.explanation();
    markup! {
        @if !execution.culprits.is_empty() {
            h2 { "What went wrong" }
            @if let Some(first) = said.first() { p { (first) } }
            table.wrong {
                @for id in execution.culprits.iter().rev() {
                    @let event = execution.event(*id);
                    tr {
                        td { (execution.title(id.thread)) }
                        td { (execution.describe(event)) }
                        td.dim { @if let Some(site) = &event.site { (site) } }
                        td { @if let Some(site) = &event.site { (code(site)) } }
                    }
                }
            }
            @for line in said.iter().skip(1) { p { (line) } }
        }
        @for note in &execution.notes { pre { (note) } }
    }
}

/// Returns a source line, with the part that is meant marked.
fn code(line: &Line) -> Markup {
    let [before, marked, after] = parts(line);
    markup! { span.code { (before) mark { (marked) } (after) } }
}

/// Returns a source line before, in and after the part that is meant.
fn parts(line: &Line) -> [String; 3] {
    let text = || line.text.iter().flat_map(|text| text.chars());
    let (start, end) = (line.mark.start, line.mark.end.max(line.mark.start));
    let (before, marked) = (text().take(start), text().skip(start).take(end - start));
    [before.collect(), marked.collect(), text().skip(end).collect()]
}

/// Returns the start of a text, as long as there is room for it.
fn shortened(text: &str, room: usize) -> String {
    match text.chars().count() > room {
        true => text.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_string(),
    }
}

/// Returns a row for each event, below the rows of the events that it follows: its thread's earlier events, the write
/// from which it reads, and the events that happen before it.
fn rows(execution: &Execution) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> =
        execution.threads.iter().map(|thread| vec![0; thread.events.len()]).collect();
    // The relations are acyclic, so each pass settles at least one more event.
    let events: usize = rows.iter().map(Vec::len).sum();
    for _ in 0..=events {
        let mut changed = false;
        for id in execution.ids() {
            let row = follows(execution, id).map(|before| rows[before.thread][before.index] + 1).max();
            let row = row.unwrap_or(0);
            if row > rows[id.thread][id.index] {
                rows[id.thread][id.index] = row;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    rows
}

/// Returns the events that an event directly follows.
fn follows(execution: &Execution, id: EventId) -> impl Iterator<Item = EventId> + '_ {
    let event = execution.event(id);
    let own = id.index.checked_sub(1).map(|index| EventId { index, ..id });
    let read = match event.reads_from {
        Some(Source::Write(write)) => Some(write),
        _ => None,
    };
    let others = event.happens_before.iter().enumerate().filter_map(move |(thread, count)| {
        let count = (*count).min(execution.threads.get(thread)?.events.len());
        let index = count.checked_sub(1)?;
        (thread != id.thread).then_some(EventId { thread, index })
    });
    own.into_iter().chain(read).chain(others)
}

fn centre(id: EventId, rows: &[Vec<usize>]) -> (usize, usize) {
    (id.thread * WIDTH + WIDTH / 2, TOP + rows[id.thread][id.index] * ROW + ROW / 2)
}

fn column(execution: &Execution, number: usize, rows: &[Vec<usize>]) -> Markup {
    let thread = &execution.threads[number];
    let x = number * WIDTH + (WIDTH - BOX_WIDTH) / 2;
    let bottom = rows[number].last().map_or(TOP, |row| TOP + (row + 1) * ROW);
    markup! {
        text.title x=(x) y="20" { (execution.title(number)) }
        @for index in 0..thread.events.len() {
            @let id = EventId { thread: number, index };
            @let (middle, y) = centre(id, rows);
            @if index > 0 {
                @let above = centre(EventId { thread: number, index: index - 1 }, rows).1;
                line.po x1=(middle) x2=(middle) y1=(above + BOX_HEIGHT / 2) y2=(y - BOX_HEIGHT / 2) {}
            }
            (event_box(execution, id, &thread.events[index], (x, y)))
        }
        @if let Some(what) = &thread.waits_for {
            text x=(x) y=(bottom + 12) { "waits: " (what) }
        }
    }
}

fn event_box(execution: &Execution, id: EventId, event: &Event, (x, y): (usize, usize)) -> Markup {
    let before: Vec<String> = event.happens_before.iter().map(usize::to_string).collect();
    let class = if execution.culprits.contains(&id) { "event culprit" } else { "event" };
    let label = shortened(&execution.describe(event), ROOM - 4);
    let source = event.site.as_ref().map(source_line);
    markup! {
        g class=(class) data-thread=(id.thread) data-index=(id.index) data-before=(before.join(",")) {
            title { (id) ": " (execution.describe(event)) @if let Some(site) = &event.site { " at " (site) } }
            rect x=(x) y=(y - BOX_HEIGHT / 2) width=(BOX_WIDTH) height=(BOX_HEIGHT) rx="4" {}
            text x=(x + 8) y=(y - 4) { (label) }
            @if let Some(source) = source { text.line x=(x + 8) y=(y + 13) { (source) } }
        }
    }
}

/// Returns the line in a box that says where an event stands in the source: the file's name without its folders, and as
/// much of the code as there is room for, from its beginning or from the part that is meant.
fn source_line(line: &Line) -> Markup {
    let name = line.file.rsplit(['/', '\\']).next().unwrap_or_default();
    let place = format!("{name}:{}", line.line);
    let room = (ROOM + 4).saturating_sub(place.chars().count() + 2);
    let [before, marked, after] = parts(line);
    let used = before.chars().count() + marked.chars().count();
    let before = match used > room {
        true => "… ".to_string(),
        false => before,
    };
    let after = shortened(&after, room.saturating_sub(before.chars().count() + marked.chars().count()));
    markup! { (place) "  " (before) tspan.mark { (marked) } (after) }
}

fn arrow(execution: &Execution, id: EventId, rows: &[Vec<usize>]) -> Markup {
    let Some(Source::Write(write)) = execution.event(id).reads_from else { return markup! {} };
    let ((from, y1), (to, y2)) = (centre(write, rows), centre(id, rows));
    let (x1, x2) = match from.cmp(&to) {
        core::cmp::Ordering::Less => (from + BOX_WIDTH / 2, to - BOX_WIDTH / 2),
        core::cmp::Ordering::Greater => (from - BOX_WIDTH / 2, to + BOX_WIDTH / 2),
        core::cmp::Ordering::Equal => (from + BOX_WIDTH / 2, to + BOX_WIDTH / 2),
    };
    let bend = if from == to { x1 + 18 } else { x1.midpoint(x2) };
    let path = format!("M{x1} {y1} C{bend} {y1} {bend} {y2} {x2} {y2}");
    let orders_nothing = execution.gap().is_some_and(|gap| (gap.write, gap.read) == (write, id));
    markup! { path.rf.gap[orders_nothing] d=(path) marker-end="url(#tip)" {} }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::{html, rows};

    #[test]
    fn the_page_has_a_box_for_each_event_and_an_arrow_for_each_read() {
        let page = html(&example::race());
        assert_eq!(page.matches("class=\"event").count(), 4);
        assert_eq!(page.matches("class=\"event culprit\"").count(), 2);
        assert_eq!(page.matches("class=\"rf gap\"").count(), 1);
        assert!(page.contains("waits: park"));
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let page = html(&example::race());
        assert!(page.contains("data race: &lt;one&gt; &amp; another"));
        assert!(
            page.contains("src/a &quot;b&quot; &lt;c&gt;.rs:7")
                || page.contains("src/a \"b\" &lt;c&gt;.rs:7")
        );
        assert!(!page.contains("<one>") && !page.contains("<c>"));
    }

    #[test]
    fn an_event_stands_below_what_it_reads() {
        assert_eq!(rows(&example::race()), [[0, 1], [2, 3]]);
    }
}
