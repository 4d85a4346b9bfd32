//! Does a share link bring back what was seen, and what does a broken one do?

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
