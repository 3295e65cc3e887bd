//! One hot key, and many keys in turn, under one, two and four workers.

use anyhow::Result;

use crate::envoy::{Chain, Served, portcullis};
use crate::native::{Key, local_ratelimit};
use crate::part::limits::{KEY, limited, requests};
use crate::report::Page;
use crate::rounds::{Effort, Row, measure};

pub(crate) fn run(effort: Effort) -> Result<Page> {
    let mut page = Page::new("One hot key under several workers");
    let effort = Effort { rounds: effort.rounds.div_ceil(2), ..effort };
    for workers in [1, 2, 4] {
        let served = Served::start(
            vec![
                Chain::new("bare", vec![]),
                Chain::new("native", vec![local_ratelimit(&[Key::Header(KEY)])]),
                Chain::new("portcullis", vec![portcullis(&limited())?]),
            ],
            None,
            workers,
        )?;
        let row = |what: &str| format!("{workers} workers: {what}");
        let (bare, ours) = (row("bare"), served.address("portcullis")?);
        let hot = || requests(1).into_iter().take(1).collect::<Vec<_>>();
        let mut rows = vec![
            Row::new(&bare, served.address("bare")?, hot(), 200)?,
            Row::new(&row("native, hot key"), served.address("native")?, hot(), 200)?,
            Row::new(&row("Portcullis, hot key"), ours, hot(), 200)?,
            Row::new(&row("Portcullis, 64 keys"), ours, requests(1), 200)?,
        ];
        // The workers go where the system puts them: on two cores four of them are at odds with the load as well.
        let measured = measure(&served.workers, &mut rows, effort)?;
        page.costs(&measured, &bare)?;
        page.ratio(&measured, (&row("Portcullis, hot key"), &row("native, hot key"), &bare), None)?;
        let events =
            |event: &str| served.counted("wasmcustom.portcullis_limit_slots", &format!("event={event};"));
        let looked = events("looked")?.max(1);
        let clashes = events("clashes")? as f64 * 1000.0 / looked as f64;
        page.single(&row("races lost, of 1,000 looks at a bucket"), clashes, 2, None)?;
        page.single(&row("requests refused for races lost"), events("contended")? as f64, 0, None)?;
    }
    Ok(page)
}
