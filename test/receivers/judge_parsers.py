"""Judges the pages by the parsers of Python's prometheus_client.

judge_parsers.py PROGRAM old|new: the OpenMetrics parser is the strictest there is; `old` is
Debian's package, `new` the one of the virtual environment.
"""

import sys

import harness
import matrix


def samples_of(families):
    for family in families:
        for sample in family.samples:
            if sample.timestamp is not None or sample.exemplar is not None:
                raise ValueError('a timestamp or exemplar: %s' % (sample,))
            yield matrix.Sample(sample.name, dict(sample.labels), sample.value)


def metadata_of(families):
    """Families are found by their samples: the text parser takes _total off the names of counters,
    which may then be another's."""
    by_sample = {sample.name: family for family in families for sample in family.samples}

    def lookup(name, _):
        for suffix in ('', '_total', '_bucket', '_count', '_info'):
            family = by_sample.get(name + suffix)
            if family is not None:
                return matrix.Metadata(family.type, family.documentation, family.unit)
        return None

    return lookup


def main():
    program, age = sys.argv[1:3]
    try:
        import prometheus_client
        import prometheus_client.openmetrics.parser
        import prometheus_client.parser
    except ImportError:
        harness.missing('prometheus_client for %s' % sys.executable)
    openmetrics = prometheus_client.openmetrics.parser.text_string_to_metric_families
    text = prometheus_client.parser.text_string_to_metric_families
    print('prometheus_client of %s' % prometheus_client.__file__)

    failed = 0
    with harness.directory() as path:
        with harness.corpus(program, path):
            pass
        for turn in ('cold', 'warm'):
            for page, parse, receiver in (('text', text, 'text_parser_' + age),
                                          ('openmetrics', openmetrics, 'om_parser_' + age)):
                judge = matrix.Matrix(receiver, path + '/truth.json')
                content = harness.read('%s/%s.%s' % (path, page, turn)).decode('utf-8')
                try:
                    families = list(parse(content))
                except ValueError as error:
                    judge.fault('%s refuses the %s page: %s' % (receiver, turn, error))
                    families = []
                if families:
                    samples = list(samples_of(families))
                    judge.judge_samples(samples)
                    judge.judge_target(samples)
                    judge.judge_metadata(metadata_of(families))
                failed |= judge.finish()
    sys.exit(failed)


if __name__ == '__main__':
    main()
