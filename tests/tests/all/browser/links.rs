//! Does a share link bring back what was seen, and what does a broken one do?

use serde_json::json;

use super::cluster::text;
use super::page::Page;
use super::story::{TENTH, propose};
use super::{Look, browse};

/// Plays up to a leader, asks for something, crashes the leader, and pauses a little later.
async fn do_something(page: &Page) {
    page.choose("speed", TENTH).await;
    page.click("play").await;
    let elected = page.until("a leader", |seen| seen.leader().is_some()).await;
    let leader = elected.leader().expect("it was just seen").id.clone();
    propose(page, "city", "Delft").await;
    page.until("the entry is committed", |seen| seen.committed("city = Delft") >= 3).await;
    page.click_node(&leader).await;
    page.click("crash").await;
    page.until("the crash", |seen| seen.node(&leader).status == "crashed").await;
    let crashed_at = page.seen().await.seconds;
    page.until("some time", |seen| seen.seconds > crashed_at + 0.01).await;
    page.click("play").await;
    page.until("a pause", |seen| !seen.playing).await;
}

#[test]
fn a_link_opens_the_same_moment_with_all_that_was_done_by_hand() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        do_something(page).await;
        let shared = page.seen().await;
        page.click("share").await;
        page.until("the link is there", |seen| seen.notices.iter().any(|notice| !notice.bad)).await;
        let link = page.address().await;
        assert!(link.contains("#v1."), "{link}");

        page.open(&link).await;
        let opened = page.until("the same time", |seen| seen.time == shared.time).await;
        assert_eq!(opened.moment(), shared.moment());
        assert!(opened.notices.is_empty(), "{:?}", opened.notices);
        page.screenshot("wide-dark-link-opened").await;
    });
}

#[test]
fn half_a_link_says_one_clear_thing_and_the_page_still_works() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        page.click("share").await;
        page.until("the link is there", |seen| !seen.notices.is_empty()).await;
        let link = page.address().await;
        let fragment = link.find('#').expect("a link has a fragment");
        let half = &link[..fragment + (link.len() - fragment) / 2];

        page.open(half).await;
        let opened = page.until("an error", |seen| seen.notices.iter().any(|notice| notice.bad)).await;
        assert_eq!(opened.notices.len(), 1, "{:?}", opened.notices);
        assert!(opened.notices[0].text.contains("link"), "{:?}", opened.notices);
        assert_eq!(opened.nodes.len(), 5, "a first visit opens instead");
        page.screenshot("wide-dark-link-cut-in-half").await;

        page.choose("speed", TENTH).await;
        page.click("play").await;
        page.until("a leader", |seen| seen.leader().is_some()).await;
    });
}

/// Another fragment, as pasted into the address bar or followed from another page: the page is not loaded anew.
async fn follow(page: &Page, fragment: &str) {
    page.read::<Option<bool>>(&format!("location.hash = {}; return null", json!(fragment))).await;
}

#[test]
fn a_link_that_comes_to_an_open_page_opens_its_run_and_a_broken_one_leaves_what_runs() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        do_something(page).await;
        let shared = page.seen().await;
        page.click("share").await;
        page.until("the link is there", |seen| seen.notices.iter().any(|notice| !notice.bad)).await;
        let link = page.address().await;
        let fragment = link[link.find('#').expect("a link has a fragment")..].to_owned();

        page.open(&server.page).await;
        let other = page.seen().await;
        assert_ne!(other.time, shared.time);
        page.read::<Option<bool>>("window.same = true; return null").await;
        follow(page, &fragment).await;
        let opened = page.until("the same time", |seen| seen.time == shared.time).await;
        assert_eq!(opened.moment(), shared.moment());
        assert!(page.read::<bool>("return window.same === true").await, "nothing was loaded anew");

        follow(page, &fragment[..fragment.len() / 2]).await;
        let broken = page.until("an error", |seen| seen.notices.iter().any(|notice| notice.bad)).await;
        assert!(broken.notices[0].text.contains("link") && broken.notices[0].text.contains("goes on"), "{broken:?}");
        assert_eq!(broken.moment(), shared.moment());
        page.screenshot("wide-dark-link-broken-later").await;

        page.click("undo").await;
        page.until("the run that was seen before", |seen| seen.time == other.time).await;
        page.read::<Option<bool>>("history.back(); return null").await;
        page.until("the link again", |seen| seen.time == shared.time).await;
    });
}

/// What is asked of the worker waits until the test says so.
const HOLD: &str = r#"
    const Real = Worker;
    const waiting = [];
    let held = true;
    window.letGo = () => { held = false; waiting.splice(0).forEach(ask => ask()); };
    window.Worker = class extends Real {
        postMessage(...words) {
            if (held) { waiting.push(() => super.postMessage(...words)); } else { super.postMessage(...words); }
        }
    };
"#;

#[test]
fn before_a_run_is_there_the_page_says_that_it_computes_it_and_gives_no_verdict() {
    browse(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        do_something(page).await;
        let shared = page.seen().await;
        page.click("share").await;
        page.until("the link is there", |seen| seen.notices.iter().any(|notice| !notice.bad)).await;
        let link = page.address().await;

        page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": HOLD })).await;
        page.visit(&link).await;
        page.wait_for("return document.querySelector('[data-testid=computing]') !== null").await;
        let lesson = text(page, ".lesson").await;
        assert!(lesson.contains("Computing “") && !lesson.contains("came with a link"), "{lesson}");
        let checks = text(page, "[data-testid=checks]").await;
        assert!(checks.contains("No verdict yet") && !checks.contains('✓'), "{checks}");
        page.screenshot("wide-dark-computing").await;

        page.read::<Option<bool>>("window.letGo(); return null").await;
        page.until("the same time", |seen| seen.time == shared.time).await;
        assert_eq!(text(page, "[data-testid=computing]").await, "");
        assert!(text(page, "[data-testid=checks]").await.contains('✓'));
    });
}
