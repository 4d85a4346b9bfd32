//! Does the space-time diagram show the run, and can it be used by pointer and by keys?

use fantoccini::key::Key;
use serde::Deserialize;

use super::cluster::{go_to, open_at, text};
use super::page::Page;
use super::process::Server;
use super::shape::fits_sideways;
use super::{Look, browse};

/// What the diagram shows: its lanes, how many messages and which of them are lost, its steps, and what nodes did.
const SEE: &str = r#"
    const all = (selector) => [...document.querySelectorAll(selector)];
    return {
        lanes: all('.lane-name .name').map(name => name.textContent),
        flights: all('[data-testid=flight]').length,
        lost: all('.flight.lost').length,
        steps: all('[data-testid=step]').map(step => step.dataset.step),
        states: all('[data-testid=stretch]').map(stretch => `${stretch.dataset.of} ${stretch.dataset.state}`),
        selected: document.querySelector('.flight.selected title')?.textContent ?? "",
    };
"#;

#[derive(Debug, Deserialize)]
struct Seen {
    lanes: Vec<String>,
    flights: usize,
    lost: usize,
    steps: Vec<String>,
    states: Vec<String>,
    selected: String,
}

async fn see(page: &Page) -> Seen {
    page.read(SEE).await
}

async fn lanes_at(page: &Page, server: &Server, scenario: &str, seconds: f64) -> Seen {
    open_at(page, server, scenario, seconds).await;
    page.click("views-lanes").await;
    page.wait_for("return document.querySelector('[data-testid=lanes]') !== null").await;
    see(page).await
}

async fn tell(page: &Page, server: &Server) {
    let picture = |stage: &'static str| {
        let name = format!("{}-lanes-{stage}", page.look.name());
        async move {
            page.screenshot(&name).await;
            fits_sideways(page).await;
        }
    };
    let pbft = lanes_at(page, server, "pbft-silent-primary", 0.06).await;
    assert_eq!(pbft.lanes.iter().rev().take(4).rev().collect::<Vec<_>>(), ["n1", "n2", "n3", "n4"]);
    for step in ["s1 pre-prepare", "s1 prepare", "s1 commit"] {
        assert!(pbft.steps.iter().any(|known| known == step), "{step}: {pbft:?}");
    }
    assert!(pbft.flights >= 20, "a pre-prepare, prepares and commits: {pbft:?}");
    assert!(page.read::<bool>("return document.querySelector('.grids') !== null").await, "with a grid a replica below");
    picture("pbft").await;

    // A click on a line selects the message, and what is said of it is in the inspector.
    page.read::<()>("document.querySelector('.flight .reach').dispatchEvent(new MouseEvent('click', { bubbles: true })); return null").await;
    page.wait_for("return document.querySelector('.flight.selected') !== null").await;
    let first = see(page).await.selected;
    assert!(text(page, "[data-testid=lanes-told]").await == first && first.contains(" to "), "{first}");
    page.wait_for("return document.querySelector('[data-testid=why]') !== null").await;

    go_to(page, 1.02).await;
    let crashed = see(page).await;
    assert!(crashed.states.iter().any(|state| state == "n1 down"), "{crashed:?}");
    picture("crash").await;
    go_to(page, 1.1).await;
    page.wait_for("return document.querySelectorAll('.flight.lost').length > 0").await;
    assert!(see(page).await.lost > 0, "what is sent to a node that is down ends in a cross");

    for (scenario, at, step, name) in [
        ("hybrid-under-attack", 0.56, "acknowledge", "hybrid"),
        ("hotstuff-silent-leader", 0.5, "vote", "hotstuff"),
        ("leader-lost", 0.9, "replicate", "raft"),
    ] {
        let seen = lanes_at(page, server, scenario, at).await;
        assert!(seen.flights > 0, "{scenario}: {seen:?}");
        assert!(
            scenario == "leader-lost" || seen.steps.iter().any(|known| known.contains(step)),
            "{scenario}: {seen:?}"
        );
        picture(name).await;
    }
}

#[test]
fn lanes_show_messages_steps_crashes_and_losses_of_every_protocol() {
    browse(Look::WIDE, tell);
}

#[test]
fn lanes_show_the_same_in_the_light_and_without_motion() {
    browse(Look::WIDE.light().still(), tell);
}

#[test]
fn lanes_fit_a_phone() {
    browse(Look::PHONE, tell);
}

#[test]
fn lanes_are_reached_zoomed_and_walked_through_by_keys_and_kept_in_a_link() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "pbft-silent-primary", 0.06).await;
        page.press('v').await;
        page.press('v').await;
        page.wait_for("return document.querySelector('[data-testid=lanes]') !== null").await;
        super::keyboard::tab_to(page, "lanes").await;
        page.press(Key::Up.into()).await;
        page.wait_for("return document.querySelector('.flight.selected') !== null").await;
        let first = see(page).await.selected;
        page.press(Key::Up.into()).await;
        page.wait_for(&format!("return document.querySelector('.flight.selected title').textContent !== {first:?}"))
            .await;
        page.press(Key::Down.into()).await;
        page.wait_for(&format!("return document.querySelector('.flight.selected title').textContent === {first:?}"))
            .await;
        let before = see(page).await.flights;
        page.press('[').await;
        page.press('[').await;
        page.wait_for(&format!("return document.querySelectorAll('[data-testid=flight]').length > {before}")).await;
        page.press(']').await;
        page.press(']').await;
        page.wait_for(&format!("return document.querySelectorAll('[data-testid=flight]').length === {before}")).await;

        page.click("share").await;
        page.until("the link is there", |seen| seen.notices.iter().any(|notice| !notice.bad)).await;
        let link = page.address().await;
        page.open(&link).await;
        page.wait_for("return document.querySelector('[data-testid=lanes]') !== null").await;
        assert_eq!(see(page).await.flights, before);
    });
}

#[test]
fn lanes_follow_the_cursor_while_time_passes() {
    browse(Look::WIDE, async |page, server| {
        lanes_at(page, server, "pbft-silent-primary", 0.5).await;
        page.click("play").await;
        page.until("some time", |seen| seen.seconds > 0.6).await;
        page.click("play").await;
        let place = "const path = document.querySelector('.lanes .cursor').getBoundingClientRect();
            const all = document.querySelector('.lanes').getBoundingClientRect();
            return (path.left - all.left) / all.width";
        let share: f64 = page.read(place).await;
        assert!((0.25..0.85).contains(&share), "the cursor is in the middle of the diagram: {share}");
    });
}
