//! What does a first visit see: an election, a crash, another election, and the way back?
//!
//! The same story in both sizes and both themes, a picture of every stage.

use super::page::{Page, Seen};
use super::process::Server;
use super::{Look, browse, shape};

/// A tenth of real time in the list of speeds: the second election is quick, and can still be followed.
pub const TENTH: &str = "6";

/// On a phone the panel is a sheet that is opened and closed.
pub async fn on_panel(page: &Page, acts: impl AsyncFnOnce()) {
    /// What slides is missed by a click, and looks half done on a picture.
    const STANDS: &str = "return document.querySelector('.panel.inspect').getAnimations().length === 0";
    if page.look.is_phone() {
        page.click("open-inspector").await;
        page.wait_for(STANDS).await;
    }
    acts().await;
    if page.look.is_phone() {
        page.click_on(".panel.inspect.open .sheet-close").await;
        page.wait_for(STANDS).await;
    }
}

/// Asks for a value. It is listed among the operations once the client's session is open.
pub async fn propose(page: &Page, key: &str, value: &str) {
    on_panel(page, async || {
        page.write("propose-key", key).await;
        page.write("propose-value", value).await;
        page.click("propose-set").await;
    })
    .await;
}

/// Waits for a leader that is not this one.
pub async fn other_leader(page: &Page, old: &str) -> Seen {
    let leads = |seen: &Seen| seen.leader().is_some_and(|leader| leader.id != old);
    page.until("another leader", leads).await
}

async fn pause(page: &Page) -> Seen {
    page.click("play").await;
    page.until("a pause", |seen| !seen.playing).await
}

async fn tell(page: &Page, server: &Server) {
    let picture = |stage: &'static str| {
        let name = format!("{}-{stage}", page.look.name());
        async move { page.screenshot(&name).await }
    };
    page.open(&server.page).await;
    let first = page.until("five nodes", |seen| seen.nodes.len() == 5).await;
    assert!(first.nodes.iter().all(|node| node.role == "follower" && node.status == "up"), "{first:?}");
    assert_eq!(first.theme, if page.look.dark { "dark" } else { "light" });
    shape::fits(page).await;
    picture("1-opened").await;

    page.click("play").await;
    page.until("somebody asks for votes", |seen| seen.nodes.iter().any(|node| node.role.contains("candidate"))).await;
    picture("2-election").await;
    page.until("a leader", |seen| seen.leader().is_some()).await;
    let elected = pause(page).await;
    let old = elected.leader().expect("it stays while nothing moves").clone();
    picture("3-leader").await;

    propose(page, "x", "1").await;
    page.choose("speed", TENTH).await;
    page.click("play").await;
    page.until("the entry is committed on a majority", |seen| {
        seen.committed("x = 1") >= 3 && seen.operations.iter().any(|line| line.starts_with("ok"))
    })
    .await;
    let before_crash = pause(page).await;
    picture("4-committed").await;

    page.click_node(&old.id).await;
    on_panel(page, async || page.click("crash").await).await;
    page.until("the crash", |seen| seen.node(&old.id).status == "crashed").await;
    picture("5-crashed").await;
    page.click("play").await;
    other_leader(page, &old.id).await;
    let later = pause(page).await;
    let new = later.leader().expect("it stays while nothing moves").clone();
    assert!(new.term > old.term, "{new:?} follows {old:?}");
    picture("6-another-leader").await;
    shape::fits_sideways(page).await;

    let between = (elected.seconds + before_crash.seconds) / 2.0;
    page.seek(between).await;
    let back = page.until("the time before the crash", |seen| seen.seconds < before_crash.seconds).await;
    assert!((back.seconds - between).abs() < 0.02, "{} is shown where {between} was pressed", back.seconds);
    assert_eq!(back.leader(), Some(&old), "the old leader leads in the past");
    picture("7-scrubbed-back").await;

    page.click("step-forward").await;
    let here = page.until("a step", |seen| seen.position != back.position).await;
    page.click("step-forward").await;
    page.until("another step", |seen| seen.position != here.position).await;
    page.click("step-back").await;
    let again = page.until("the step back", |seen| seen.position == here.position).await;
    assert_eq!((again.moment(), again.messages), (here.moment(), here.messages), "forward and back is where it was");
}

#[test]
fn a_leader_is_elected_crashed_and_replaced_and_the_past_can_be_seen_again() {
    browse(Look::WIDE, tell);
}

#[test]
fn the_same_story_is_told_in_the_light() {
    browse(Look::WIDE.light(), tell);
}

#[test]
fn the_same_story_is_told_on_a_phone() {
    browse(Look::PHONE, tell);
}

#[test]
fn the_same_story_is_told_on_a_phone_in_the_light() {
    browse(Look::PHONE.light(), tell);
}
