//! Do edges, zones, the preference for a leader and early answers show on the page, and can an edge be asked for?

use fantoccini::key::Key;

use super::cluster::{go_to, open_at, parts, step_until, text};
use super::keyboard::tab_to;
use super::page::Page;
use super::process::Server;
use super::shape::fits_sideways;
use super::{Look, browse};

/// What the panel of the selected node says.
const VALUES: &str = ".upper .values";

/// Selects a node and shows what is known of it.
async fn inspect(page: &Page, node: &str) {
    page.click_node(node).await;
    page.wait_for("return document.querySelector('.panel.inspect').getAnimations().length === 0").await;
}

/// Closes what a phone shows over its stage.
async fn back_to_the_stage(page: &Page) {
    if page.look.is_phone() {
        page.click_on(".panel.open .sheet-close").await;
        page.wait_for("return document.querySelectorAll('.panel.open').length === 0").await;
    }
}

async fn tell(page: &Page, server: &Server) {
    let picture = |stage: &'static str| {
        let name = format!("{}-lesson-{stage}", page.look.name());
        async move {
            page.screenshot(&name).await;
            fits_sideways(page).await;
        }
    };
    open_at(page, server, "edge", 2.4).await;
    assert_eq!(parts(page).await, ["voter", "voter", "voter", "edge"]);
    picture("edge").await;
    inspect(page, "n4").await;
    let values = text(page, VALUES).await;
    assert!(values.contains("subscribes tocart"), "{values}");
    assert!(values.contains("left out1 of "), "user = bob was left out: {values}");
    picture("edge-inspector").await;
    back_to_the_stage(page).await;

    open_at(page, server, "zones", 2.0).await;
    step_until(
        page,
        "return document.querySelectorAll('[data-testid=message]').length > 3 && document.querySelector('.loss') !== null",
    )
    .await;
    picture("zones").await;

    open_at(page, server, "leader-zones", 1.0).await;
    assert_eq!(page.seen().await.leader().expect("somebody leads").id, "n5");
    picture("leader-zones-1-elected").await;
    go_to(page, 2.0).await;
    assert_eq!(page.seen().await.leader().expect("somebody leads").id, "n1");
    picture("leader-zones-2-preferred").await;

    open_at(page, server, "fast-path", 1.1).await;
    let operations = page.seen().await.operations;
    assert!(operations.iter().any(|line| line.contains("set x = lost") && line.contains("not yet safe")));
    picture("fast-path").await;
    go_to(page, 3.5).await;
    let operations = page.seen().await.operations;
    assert!(operations.iter().any(|line| line.contains("set x = lost") && line.contains("and lost")), "{operations:?}");
    picture("fast-path-lost").await;
}

#[test]
fn the_lessons_on_edges_zones_leaders_and_early_answers_show_what_they_say() {
    browse(Look::WIDE, tell);
}

#[test]
fn the_lessons_show_the_same_in_the_light_and_without_motion() {
    browse(Look::WIDE.light().still(), tell);
}

#[test]
fn the_lessons_show_the_same_on_a_phone() {
    browse(Look::PHONE, tell);
}

#[test]
fn the_lessons_show_the_same_on_a_phone_in_the_light() {
    browse(Look::PHONE.light().still(), tell);
}

#[test]
fn a_spare_node_is_made_an_edge_by_the_keyboard_alone() {
    browse(Look::WIDE, async |page, server| {
        open_at(page, server, "members", 0.9).await;
        page.press('4').await;
        tab_to(page, "subscribe-keys").await;
        page.press(Key::Enter.into()).await;
        assert_eq!(page.seen().await.focus, "subscribe-keys", "nothing is asked for without a key");
        for letter in "cart/1 user".chars() {
            page.press(letter).await;
        }
        page.screenshot("wide-dark-edge-form").await;
        page.press(Key::Enter.into()).await;
        page.until("the change is asked for", |seen| seen.focus != "subscribe-keys").await;
        go_to(page, 0.98).await;
        assert_eq!(parts(page).await[3], "edge");
        let values = text(page, VALUES).await;
        assert!(values.contains("cart, user"), "{values}");
        page.screenshot("wide-dark-edge-by-hand").await;
        fits_sideways(page).await;
    });
}
