"""The differences between prometheus-cpp (Debian's 1.0.1) and the drop-in: all of them."""


class Difference:
    """A row of the table on docs/prometheus-cpp.md, and the facts of the surface program that show it:
    fact -> (prometheus-cpp, drop-in); None where one of them does not tell the fact."""

    def __init__(self, what, theirs, ours, why, facts):
        self.what = what
        self.theirs = theirs
        self.ours = ours
        self.why = why
        self.facts = facts


ALL = [
    Difference(
        "numbers on a page", "16 digits: `0.3` for 0.1 + 0.2, `1234567`",
        "shortest text that reads back the same: `0.30000000000000004`, `1.234567e+06`",
        "no digit is lost; counters stay whole numbers on an Exposer's page", {
            "serializer/1234567": (r"g 1234567\n", r"g 1.234567e+06\n"),
            "serializer/0.1+0.2": (r"g 0.3\n", r"g 0.30000000000000004\n"),
            "serializer/1e15": (r"g 1000000000000000\n", r"g 1e+15\n"),
            "serializer/2^53": (r"g 9007199254740992\n", r"g 9.007199254740992e+15\n"),
        }),
    Difference(
        "a value that is no number", "`Nan`", "`NaN`", "the format's spelling", {
            "serializer/NaN": (r"g Nan\n", r"g NaN\n"),
        }),
    Difference(
        "`\\` and line breaks in a help text", "as they are", "escaped",
        "a line break would break the page", {
            "serializer/help with a backslash": (
                r'# HELP g A backslash \\, a quote ".\n# TYPE g gauge\ng 0\n',
                r'# HELP g A backslash \\\\, a quote ".\n# TYPE g gauge\ng 0\n'),
            "serializer/help with a line break": (
                r"# HELP g Two\nlines.\n# TYPE g gauge\ng 0\n",
                r"# HELP g Two\\nlines.\n# TYPE g gauge\ng 0\n"),
        }),
    Difference(
        "Content-Type of a page", "`text/plain; charset=utf-8`",
        "`text/plain; version=0.0.4; charset=utf-8`",
        "Prometheus 3 wants the version", {
            "exposer/Content-Type": ("text/plain; charset=utf-8",
                                     "text/plain; version=0.0.4; charset=utf-8"),
        }),
    Difference(
        "HEAD and POST to a page", "404 for both", "HEAD is answered, POST is 405",
        "what HTTP says (RFC 9110)", {
            "exposer/HEAD": ("404", "200"),
            "exposer/POST": ("404", "405"),
        }),
    Difference(
        "options that serve files (`document_root`, ...)", "taken",
        "`std::invalid_argument`", "CVE-2025-55763 in civetweb 1.14 to 1.16", {
            "exposer/document_root": ("nothing", "std::invalid_argument"),
        }),
    Difference(
        "a histogram's bound of +Inf", "a second bucket `+Inf`", "one bucket `+Inf`",
        "twice the same series on a page is refused by Prometheus", {
            "histogram/a bound of +Inf": (
                "{} histogram 1 sum 5 buckets 1=0 inf=1 inf=1",
                "{} histogram 1 sum 5 buckets 1=0 inf=1"),
        }),
    Difference(
        "label `le` on a histogram, `quantile` on a summary", "taken",
        "`std::invalid_argument`", "so does prometheus-cpp 1.3", {
            "family/`le` on a histogram": ("nothing", "std::invalid_argument"),
            "family/`quantile` on a summary": ("nothing", "std::invalid_argument"),
        }),
    Difference(
        "a Gateway's job or label with spaces and slashes", "sent as it is, so that a Push fails",
        "sent as base64", "the Pushgateway's own way for such values", {
            "gateway/spaces and slashes": ("-3", "200"),
            "gateway/sent POST /metrics/job@base64/d2l0aCBzcGFjZS9zbGFzaA=="
            "/path@base64/L2EgYg==": (
                None, "1 x text/plain; version=0.0.4; charset=utf-8 - # HELP escaped_total Pushed."
                r'\n# TYPE escaped_total counter\nescaped_total{a="b"} 3\n'),
        }),
    Difference(
        "one name in several registries or Collectables of an Exposer",
        "a block each; the same registry twice shows its series twice",
        "one family, one TYPE line; the same registry twice shows them once; of two types the first"
        " stays, with a message",
        "Prometheus refuses a page with a name's second block", {
            "odd/one family in two registries": (
                r'# TYPE two_total counter\n# TYPE two_total counter\ntwo_total{l="a"} 1\n'
                r'two_total{l="b"} 2\n',
                r'# TYPE two_total counter\ntwo_total{l="a"} 1\ntwo_total{l="b"} 2\n'),
            "odd/one series in two registries": (
                r'# TYPE twice_total counter\n# TYPE twice_total counter\n'
                r'twice_total{l="a"} 1\ntwice_total{l="a"} 2\n',
                r'# TYPE twice_total counter\ntwice_total{l="a"} 1\ntwice_total{l="a"} 2\n'),
            "odd/the same registry twice": (
                r'# TYPE same_total counter\n# TYPE same_total counter\n'
                r'same_total{l="a"} 1\nsame_total{l="a"} 1\n',
                r'# TYPE same_total counter\nsame_total{l="a"} 1\n'),
            "odd/of two types": (
                r'# TYPE types_total counter\n# TYPE types_total gauge\n'
                r'types_total{l="a"} 1\ntypes_total{z="1",a="2"} 2\n',
                r'# TYPE types_total counter\ntypes_total{l="a"} 1\n'),
        }),
    Difference(
        "`timestamp_ms` of a Collectable of one's own, on an Exposer's page", "written", "left out",
        "a value is of the time of the scrape; TextSerializer writes it", {
            "odd/with a time": (
                r'# TYPE timed gauge\ntimed{z="1",a="2"} 4 1700000000000\n',
                r'# TYPE timed gauge\ntimed{z="1",a="2"} 4\n'),
        }),
]
