//! Does the page fit its window, follow the theme, and keep still where it should?

use std::collections::BTreeMap;

use serde::Deserialize;

use super::page::Page;
use super::story::TENTH;
use super::{Look, browse};

/// What reaches beyond its box.
const OVERFLOW: &str = r#"
    const root = document.scrollingElement;
    const scrolls = (axis) => (element) => {
        const style = getComputedStyle(element)[axis === 'Width' ? 'overflowX' : 'overflowY'];
        return /auto|scroll/.test(style) && element[`scroll${axis}`] > element[`client${axis}`] + 1;
    };
    const named = (element) => element.className?.baseVal ?? (element.className || element.tagName);
    const all = [...document.querySelectorAll('body *')].filter(element => getComputedStyle(element).visibility !== 'hidden');
    return {
        window: [innerWidth, innerHeight],
        page: [root.scrollWidth, root.scrollHeight],
        sideways: all.filter(scrolls('Width')).map(named),
        down: all.filter(scrolls('Height')).map(named),
    };
"#;

#[derive(Debug, Deserialize)]
struct Overflow {
    window: (u32, u32),
    page: (u32, u32),
    sideways: Vec<String>,
    down: Vec<String>,
}

/// The page fits its window and nothing scrolls sideways; a panel may be longer than its place.
pub async fn fits_sideways(page: &Page) -> Vec<String> {
    let found: Overflow = page.read(OVERFLOW).await;
    assert_eq!(found.window, page.look.size, "the window has the wanted size");
    assert!(found.page.0 <= found.window.0, "the page scrolls sideways: {found:?}");
    assert!(found.page.1 <= found.window.1, "the page scrolls: {found:?}");
    assert!(found.sideways.is_empty(), "something scrolls sideways: {found:?}");
    found.down
}

/// As a visit begins, nothing scrolls at all on a wide window.
pub async fn fits(page: &Page) {
    let down = fits_sideways(page).await;
    assert!(page.look.is_phone() || down.is_empty(), "these scroll: {down:?}");
}

#[test]
fn the_theme_follows_the_system_until_it_is_chosen_and_stays_chosen() {
    browse(Look::WIDE.light(), async |page, server| {
        page.open(&server.page).await;
        assert_eq!(page.seen().await.theme, "light");
        let ground = "return getComputedStyle(document.body).backgroundColor";
        let light: String = page.read(ground).await;
        page.click("theme").await;
        page.until("the dark theme", |seen| seen.theme == "dark").await;
        let dark: String = page.read(ground).await;
        assert_ne!(light, dark);
        page.open(&server.page).await;
        assert_eq!(page.seen().await.theme, "dark", "it is kept for the next visit");
    });
}

/// The places at which each message is drawn, over two seconds of frames.
const PLACES: &str = r#"
    const places = {};
    const look = () => {
        for (const element of document.querySelectorAll('[data-testid="message"] .reach')) {
            const message = element.parentNode;
            message.number ??= `m${window.numbered = (window.numbered ?? 0) + 1}`;
            (places[message.number] ??= {})[`${element.getAttribute('cx')} ${element.getAttribute('cy')}`] = true;
        }
        if (performance.now() - begun < 2000) { requestAnimationFrame(look); } else { window.places = places; }
    };
    const begun = performance.now();
    look();
    return null;
"#;

async fn most_places_of_a_message(page: &Page) -> usize {
    page.read::<()>(PLACES).await;
    page.wait_for("return window.places !== undefined").await;
    let places: BTreeMap<String, BTreeMap<String, bool>> = page.read("return window.places").await;
    assert!(!places.is_empty(), "messages were on their way");
    places.values().map(BTreeMap::len).max().unwrap_or_default()
}

async fn play_up_to_messages(page: &Page) {
    page.click("play").await;
    page.until("messages on their way", |seen| seen.messages > 0).await;
}

#[test]
fn messages_travel() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        play_up_to_messages(page).await;
        let places = most_places_of_a_message(page).await;
        assert!(places > 6, "a message stood in {places} places");
    });
}

#[test]
fn messages_step_where_less_motion_is_asked_for() {
    browse(Look::WIDE.still(), async |page, server| {
        page.open(&server.page).await;
        play_up_to_messages(page).await;
        page.screenshot("wide-dark-reduced-motion").await;
        let places = most_places_of_a_message(page).await;
        assert!(places <= 3, "a message stood in {places} places");
        let animations: usize = page.read("return document.getAnimations().length").await;
        assert_eq!(animations, 0, "nothing else moves either");
    });
}

#[test]
fn a_partition_is_drawn_by_choosing_nodes_and_healed() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        page.choose("speed", TENTH).await;
        page.click("play").await;
        let seen = page.until("a leader", |seen| seen.leader().is_some()).await;
        page.click("play").await;
        let leader = seen.leader().expect("it was just seen").id.clone();
        let friend = &seen.nodes.iter().find(|node| node.id != leader).expect("there are five").id;
        page.click("partition").await;
        page.click_node(&leader).await;
        page.click_node(friend).await;
        page.screenshot("wide-dark-partition-choosing").await;
        page.click("split").await;
        page.click("play").await;
        super::story::other_leader(page, &leader).await;
        page.click("play").await;
        page.until("a pause", |seen| !seen.playing).await;
        page.screenshot("wide-dark-partition").await;
        page.click("heal").await;
        page.click("play").await;
        page.until("the old leader follows", |seen| seen.node(&leader).role == "follower").await;
    });
}

#[test]
fn drawing_round_a_node_chooses_it() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        page.click("partition").await;
        let around = "const box = document.querySelector('[data-testid=\"node-n2\"] .body').getBoundingClientRect();
            return [box.left - 20, box.top - 20, box.right + 20, box.bottom + 20];";
        let (left, top, right, bottom): (f64, f64, f64, f64) = page.read(around).await;
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        page.drag(corners.windows(2).flat_map(|pair| along(pair[0], pair[1]))).await;
        let chosen = "return [...document.querySelectorAll('.node.chosen')].map(node => node.dataset.node)";
        assert_eq!(page.read::<Vec<String>>(chosen).await, ["n2"]);
    });
}

/// A few places from one corner to the next.
fn along(from: (f64, f64), to: (f64, f64)) -> impl Iterator<Item = (f64, f64)> {
    (0..4).map(move |step| {
        let share = f64::from(step) / 4.0;
        (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
    })
}

/// The least distance of two nodes, in radii of a node.
const CLOSEST: &str = r#"
    const bodies = [...document.querySelectorAll('.node .body')];
    const place = (body) => [+body.getAttribute('cx'), +body.getAttribute('cy'), +body.getAttribute('r')];
    let closest = 1000;
    for (const a of bodies.map(place)) for (const b of bodies.map(place)) {
        if (a !== b && (a[0] !== b[0] || a[1] !== b[1])) {
            closest = Math.min(closest, Math.hypot(a[0] - b[0], a[1] - b[1]) / a[2]);
        }
    }
    return closest;
"#;

#[test]
fn nodes_keep_apart_on_a_small_laptop() {
    browse(Look { size: (1024, 700), ..Look::WIDE }, async |page, server| {
        page.open(&server.page).await;
        let closest: f64 = page.read(CLOSEST).await;
        assert!(closest > 3.0, "two nodes stand {closest} radii apart");
        page.press(fantoccini::key::Key::End.into()).await;
        page.until("a leader", |seen| seen.leader().is_some()).await;
        fits_sideways(page).await;
        page.screenshot("laptop-dark").await;
        page.click("open-lesson").await;
        page.screenshot("laptop-dark-lesson").await;
    });
}

#[test]
fn a_run_with_a_rule_switched_off_says_so() {
    browse(Look::WIDE.light(), async |page, server| {
        page.open(&server.page).await;
        page.choose("scenario", "no-majority").await;
        page.wait_for(
            "return document.querySelector('[data-testid=rule-off]')?.textContent.includes('majority') === true",
        )
        .await;
        page.press(fantoccini::key::Key::End.into()).await;
        page.screenshot("wide-light-rule-off").await;
    });
}
