// The status page as an answer; what it does in a browser is tested in tests/e2e/page.test.mjs.
#include "serve/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <string>

namespace wsbpf {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

std::string header(const Response& response, const std::string& wanted) {
  for (const auto& [name, value] : response.headers) {
    if (name == wanted) return value;
  }
  return {};
}

// What the policy lets in, by directive.
std::map<std::string, std::string> policy_of(const Response& response) {
  const std::string text = header(response, "Content-Security-Policy");
  const std::regex directive("([a-z-]+) ([^;]+)");
  std::map<std::string, std::string> policy;
  for (std::sregex_iterator at(text.begin(), text.end(), directive), end; at != end; ++at) {
    policy[(*at)[1]] = (*at)[2];
  }
  return policy;
}

// The nonces in the markup.
std::vector<std::string> nonces_in(const std::string& html) {
  const std::regex attribute("<(?:style|script)[^>]* nonce=\"([^\"]*)\"");
  std::vector<std::string> nonces;
  for (std::sregex_iterator at(html.begin(), html.end(), attribute), end; at != end; ++at) {
    nonces.push_back((*at)[1]);
  }
  return nonces;
}

TEST(Page, IsHtmlThatNobodyMayFrame) {
  const Response response = page_response();
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(response.body, StartsWith("<!doctype html>"));
  EXPECT_EQ(header(response, "Referrer-Policy"), "no-referrer");
  EXPECT_EQ(header(response, "X-Frame-Options"), "DENY");
  EXPECT_EQ(header(response, "Cross-Origin-Opener-Policy"), "same-origin");
}

TEST(Page, MayLoadNothingButWhatItCarriesAndAskNobodyElse) {
  auto policy = policy_of(page_response());
  EXPECT_EQ(policy["default-src"], "'none'");
  EXPECT_EQ(policy["connect-src"], "'self'");
  EXPECT_EQ(policy["img-src"], "data:");
  for (const char* const directive : {"base-uri", "form-action", "frame-ancestors"}) {
    EXPECT_EQ(policy[directive], "'none'") << directive;
  }
  for (const char* const directive : {"script-src", "style-src"}) {
    EXPECT_THAT(policy[directive], MatchesRegex("'nonce-[0-9a-f]{32}'")) << directive;
  }
  EXPECT_EQ(policy.size(), 8u);
}

TEST(Page, ItsStyleAndScriptBearTheNonceOfThePolicy) {
  const Response response = page_response();
  const auto nonces = nonces_in(response.body);
  ASSERT_EQ(nonces.size(), 2u);
  auto policy = policy_of(response);
  EXPECT_EQ(policy["style-src"], "'nonce-" + nonces[0] + "'");
  EXPECT_EQ(policy["script-src"], "'nonce-" + nonces[1] + "'");
}

TEST(Page, HasANewNonceEachTime) {
  EXPECT_NE(nonces_in(page_response().body).at(0), nonces_in(page_response().body).at(0));
}

TEST(Page, LeavesNoPlaceholder) {
  EXPECT_THAT(std::string(kPageHtml), HasSubstr(kNoncePlaceholder));
  EXPECT_THAT(page_response().body, Not(HasSubstr(kNoncePlaceholder)));
}

// The policy would refuse them without a word to whoever reads the page.
TEST(Page, HasNoInlineHandlersOrStyleAttributes) {
  const std::string html(kPageHtml);
  const std::regex attribute("<[a-z][^>]* (style|on[a-z]+)=");
  EXPECT_FALSE(std::regex_search(html, attribute));
  EXPECT_THAT(html, AllOf(Not(HasSubstr("innerHTML")), Not(HasSubstr("javascript:"))));
}

}  // namespace
}  // namespace wsbpf
