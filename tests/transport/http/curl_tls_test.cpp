#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "oci/base/error.hpp"
#include "tests/support/certificate.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scripted_server.hpp"
#include "tests/support/temp_dir.hpp"
#include "transport/http/curl.hpp"
#include "transport/http/tls_probe.hpp"

namespace davit::transport {
namespace {

using namespace std::chrono_literals;
using oci::ErrorKind;
using testing::HasSubstr;
using tests::Certificate;
using tests::error_of;
using tests::kind_of;
using tests::scripted;
using tests::ScriptedAnswer;
using tests::ScriptedServer;
using tests::SeenRequest;

Request get(const Url& url) {
  Request request;
  request.url = url;
  return request;
}

ScriptedAnswer ok(const SeenRequest&) { return scripted(200, "ok"); }

class Tls : public testing::Test {
 protected:
  Tls() { tests::write_file(ca_file(), ca_.certificate()); }

  std::filesystem::path ca_file() const { return directory_ / "ca.pem"; }
  tests::TlsContext context(Certificate kind = Certificate::good,
                            tests::TestCa::Clients clients = tests::TestCa::Clients::any) const {
    return ca_.context(ca_.issue_server(kind), clients);
  }

  tests::TestCa ca_;
  tests::TempDir directory_;
};

TEST_F(Tls, NamesAFileThatIsMissingBeforeAnythingIsSent) {
  const auto absent = directory_ / "absent.pem";
  for (const CurlOptions& options :
       {CurlOptions{.ca_file = absent}, CurlOptions{.cert_file = absent, .key_file = ca_file()},
        CurlOptions{.cert_file = ca_file(), .key_file = absent}}) {
    const auto error = error_of([&] { make_curl(options); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::not_found);
    EXPECT_THAT(error->what(), HasSubstr("absent.pem"));
  }
  EXPECT_EQ(kind_of([&] { make_curl({.ca_file = directory_.path()}); }), ErrorKind::usage);
}

TEST_F(Tls, TrustsTheAuthorityOfItsFile) {
  ScriptedServer server(ok, context());
  EXPECT_EQ(make_curl({.ca_file = ca_file()})->send({}, get(server.url())).body, "ok");
}

TEST_F(Tls, RefusesAnUnknownAuthorityWithAHint) {
  ScriptedServer server(ok, context());
  const auto error = error_of([&] { make_curl({})->send({}, get(server.url())); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::failed);
  EXPECT_EQ(error->advice(), oci::Advice::trust_authority);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Tls, RefusesACertificateForAnotherNameOrTime) {
  for (const Certificate kind : {Certificate::other_host, Certificate::expired}) {
    ScriptedServer server(ok, context(kind));
    EXPECT_EQ(kind_of([&] { make_curl({.ca_file = ca_file()})->send({}, get(server.url())); }),
              ErrorKind::failed);
    EXPECT_TRUE(server.requests().empty());
  }
}

TEST_F(Tls, BelievesAnybodyOnRequest) {
  ScriptedServer server(ok, context(Certificate::expired));
  const auto curl = make_curl({.verification = TlsVerification::none});
  EXPECT_EQ(curl->send({}, get(server.url())).body, "ok");
}

TEST_F(Tls, ShowsTheClientsCertificate) {
  const tests::Identity client = ca_.issue_client();
  tests::write_file(directory_ / "client.pem", client.certificate);
  tests::write_file(directory_ / "client.key", client.key);
  ScriptedServer server(ok, context(Certificate::good, tests::TestCa::Clients::with_certificate));
  const auto curl = make_curl({.ca_file = ca_file(),
                               .cert_file = directory_ / "client.pem",
                               .key_file = directory_ / "client.key"});
  EXPECT_EQ(curl->send({}, get(server.url())).body, "ok");
  EXPECT_ANY_THROW(make_curl({.ca_file = ca_file()})->send({}, get(server.url())));
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(Tls, NamesTheFileThatIsNoCertificate) {
  ScriptedServer server(ok, context());
  tests::write_file(directory_ / "bad.pem", "not a certificate");
  const auto bad = directory_ / "bad.pem";
  const auto ca = error_of([&] { make_curl({.ca_file = bad})->send({}, get(server.url())); });
  EXPECT_EQ(ca->kind(), ErrorKind::failed);
  EXPECT_THAT(ca->what(), HasSubstr("bad.pem"));
  const auto client = error_of(
      [&] { make_curl({.ca_file = ca_file(), .cert_file = bad})->send({}, get(server.url())); });
  EXPECT_EQ(client->kind(), ErrorKind::failed);
  EXPECT_THAT(client->what(), HasSubstr("bad.pem"));
}

TEST_F(Tls, CarriesLargeUploadsAndEarlyAnswers) {
  const std::string body(3'000'000, 'x');
  ScriptedServer server(
      [](const SeenRequest& seen) {
        ScriptedAnswer answer = scripted(seen.target == "/early" ? 413 : 201);
        answer.early = seen.target == "/early";
        return answer;
      },
      context());
  const auto curl = make_curl({.ca_file = ca_file()});
  Request request = get(server.url("/whole"));
  request.method = "PUT";
  request.body = Body{.content = oci::content_of(body), .size = body.size()};
  EXPECT_EQ(curl->send({}, request).status, 201);
  EXPECT_TRUE(server.requests().at(0).body == body);
  request.url = server.url("/early");
  EXPECT_EQ(curl->send({}, request).status, 413);
}

TEST_F(Tls, IsNotKilledByAConnectionThatBreaksUnderAnUpload) {
  ScriptedServer server({{.bytes = "", .cut_request_after = 1000}}, context());
  Request request = get(server.url());
  request.method = "PUT";
  request.body = Body{.content = oci::content_of(std::string(20'000'000, 'x')), .size = 20'000'000};
  EXPECT_EQ(kind_of([&] { make_curl({.ca_file = ca_file()})->send({}, request); }),
            ErrorKind::unavailable);
}

TEST_F(Tls, SaysThatAServerMaySpeakPlainHttp) {
  ScriptedServer server(tests::Greets::at_once, "HTTP/1.1 400 Bad Request\r\n\r\n");
  Url url = server.url();
  url.origin.scheme = "https";
  const auto error = error_of([&] { make_curl({})->send({}, get(url)); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::failed);
  EXPECT_EQ(error->advice(), oci::Advice::speak_plain_http);
}

TEST_F(Tls, IsProbedWithoutJudgingTheCertificateOrSendingARequest) {
  for (const Certificate kind :
       {Certificate::good, Certificate::expired, Certificate::other_host}) {
    ScriptedServer server(ok, context(kind));
    EXPECT_EQ(probe_tls({}, {}, server.url().origin), TlsSupport::spoken);
    EXPECT_TRUE(server.requests().empty());
  }
}

TEST_F(Tls, IsSpokenByAServerThatWantsAClientCertificate) {
  ScriptedServer server(ok, context(Certificate::good, tests::TestCa::Clients::with_certificate));
  EXPECT_EQ(probe_tls({}, {}, server.url().origin), TlsSupport::spoken);
}

TEST_F(Tls, IsNotSpokenByAPlainServerThatAnswers) {
  ScriptedServer server(tests::Greets::at_once, "HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_EQ(probe_tls({}, {}, server.url().origin), TlsSupport::not_spoken);
}

TEST_F(Tls, IsNotSpokenByAServerThatCloses) {
  ScriptedServer server(tests::Greets::at_once, "");
  EXPECT_EQ(probe_tls({}, {}, server.url().origin), TlsSupport::not_spoken);
}

TEST_F(Tls, IsNotSpokenByAServerThatSaysNothing) {
  ScriptedServer server(ok);
  EXPECT_EQ(probe_tls({}, {.connect_time = 100ms}, server.url().origin), TlsSupport::not_spoken);
}

TEST_F(Tls, IsUnreachableWhereNobodyListens) {
  Origin origin;
  {
    ScriptedServer gone(ok);
    origin = gone.url().origin;
  }
  EXPECT_EQ(probe_tls({}, {}, origin), TlsSupport::unreachable);
}

TEST_F(Tls, ProbeEndsWithAStop) {
  ScriptedServer server(ok);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(kind_of([&] { probe_tls({.stop = stop.get_token()}, {}, server.url().origin); }),
            ErrorKind::interrupted);
}

TEST_F(Tls, GoesThroughAProxyByConnect) {
  ScriptedServer proxy([](const SeenRequest& seen) {
    if (seen.method != "CONNECT") return scripted(200, "inside");
    return ScriptedAnswer{.bytes = "HTTP/1.1 200 Connected\r\nX-Proxy: yes\r\n\r\n",
                          .after = ScriptedAnswer::After::upgrade};
  });
  proxy.upgrade_to(context());
  const auto curl =
      make_curl({.ca_file = ca_file(),
                 .proxies = {.https = fmt::format("http://user:word@127.0.0.1:{}", proxy.port())}});
  Request request = get(Url::parse("https://registry.test/v2/"));
  request.headers = {{"Authorization", "Bearer secret"}};
  const Response response = curl->send({}, request);
  EXPECT_EQ(response.body, "inside");
  EXPECT_FALSE(response.headers.get("X-Proxy"));
  EXPECT_FALSE(response.private_address);
  const auto seen = proxy.requests();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].target, "registry.test:443");
  EXPECT_FALSE(seen[0].headers.get("Authorization"));
  EXPECT_TRUE(seen[0].headers.get("Proxy-Authorization"));
  EXPECT_FALSE(seen[1].headers.get("Proxy-Authorization"));
  EXPECT_EQ(seen[1].target, "/v2/");
}

TEST(Proxy, IsAskedForPlainHttp) {
  ScriptedServer proxy([](const SeenRequest&) { return scripted(200, "from the proxy"); });
  const auto curl = make_curl({.proxies = {.http = fmt::format("127.0.0.1:{}", proxy.port()),
                                           .exceptions = {"127.0.0.1"}}});
  EXPECT_EQ(curl->send({}, get(Url::parse("http://registry.test/v2/"))).body, "from the proxy");
  EXPECT_EQ(proxy.requests().at(0).target, "http://registry.test/v2/");
  ScriptedServer direct([](const SeenRequest&) { return scripted(200, "direct"); });
  EXPECT_EQ(curl->send({}, get(direct.url())).body, "direct");
}

TEST(Proxy, IsNeverTakenFromTheEnvironmentBehindOurBack) {
  ScriptedServer proxy([](const SeenRequest&) { return scripted(200, "from the proxy"); });
  ScriptedServer server(ok);
  const tests::ScopedVariable variable("http_proxy",
                                       fmt::format("http://127.0.0.1:{}", proxy.port()));
  EXPECT_EQ(make_curl({})->send({}, get(server.url())).body, "ok");
  const auto with_proxy = make_curl({.proxies = Proxies::from_environment()});
  EXPECT_EQ(with_proxy->send({}, get(Url::parse("http://registry.test/"))).body, "from the proxy");
  EXPECT_EQ(with_proxy->send({}, get(server.url())).body, "ok");
}

TEST(Proxy, RefusalSaysWhatKindOfTroubleItIs) {
  const std::vector<std::pair<int, ErrorKind>> rows = {
      {407, ErrorKind::denied}, {403, ErrorKind::failed}, {503, ErrorKind::unavailable}};
  for (const auto& [status, kind] : rows) {
    ScriptedServer proxy({scripted(status)});
    const auto curl =
        make_curl({.proxies = {.https = fmt::format("http://127.0.0.1:{}", proxy.port())}});
    const auto error = error_of([&] { curl->send({}, get(Url::parse("https://registry.test/"))); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), kind) << status;
    EXPECT_THAT(error->what(), HasSubstr(fmt::format("the proxy answers {}", status)));
  }
}

}  // namespace
}  // namespace davit::transport
