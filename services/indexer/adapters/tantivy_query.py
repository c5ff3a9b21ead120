"""Compiles our query tree to tantivy's queries. Words in a title count for more than words in a body."""

from collections.abc import Callable, Iterator

from tantivy import Occur, Query, Schema

from services.indexer.domain.facets import Narrowing
from services.indexer.domain.query import And, Node, Not, Or, Phrase, Prefix, SearchQuery, Term
from services.indexer.domain.search_index import PageRequest

#: How much more a match in the title counts. A title is what its author thinks the text is about.
TITLE_BOOST = 3.0


def compile_query(schema: Schema, query: SearchQuery, page: PageRequest) -> Query:
    """Return the engine's query; it matches nothing where nothing is looked for, unless it is narrowed."""
    if query.root is None and not page.narrowing:
        return Query.empty_query()
    wanted = _compile(schema, query.root) if query.root else Query.all_query()
    limits = list(_limits(schema, page.language, page.narrowing))
    if not limits:
        return wanted
    unscored = [(Occur.Must, Query.const_score_query(limit, 0.0)) for limit in limits]
    return Query.boolean_query([(Occur.Must, wanted), *unscored])


def _limits(schema: Schema, language: str | None, narrowing: Narrowing) -> Iterator[Query]:
    if language is not None:
        yield Query.term_query(schema, "language", language)
    if narrowing.inboxes:
        yield Query.term_set_query(schema, "inbox", list(narrowing.inboxes))
    for tag in narrowing.tags:
        yield Query.term_query(schema, "tag", tag)


def _compile(schema: Schema, node: Node) -> Query:
    match node:
        case Term(word):
            return _in_title_or_body(lambda field: Query.term_query(schema, field, word, index_option="freq"))
        case Phrase(words):
            return _in_title_or_body(lambda field: Query.phrase_query(schema, field, list(words)))
        case Prefix(beginning):  # letters and digits only: nothing in it means anything to a regular expression
            return _in_title_or_body(lambda field: Query.regex_query(schema, field, f"{beginning}.*"))
        case Or(parts):
            return Query.boolean_query([(Occur.Should, _compile(schema, part)) for part in parts])
        case And(parts):
            return _conjunction(schema, parts)
        case Not():
            return _conjunction(schema, (node,))


def _in_title_or_body(in_field: Callable[[str], Query]) -> Query:
    title = Query.boost_query(in_field("title"), TITLE_BOOST)
    return Query.boolean_query([(Occur.Should, title), (Occur.Should, in_field("body"))])


def _conjunction(schema: Schema, parts: tuple[Node, ...]) -> Query:
    clauses = [
        (Occur.MustNot, _compile(schema, part.part)) if isinstance(part, Not) else (Occur.Must, _compile(schema, part))
        for part in parts
    ]
    if all(isinstance(part, Not) for part in parts):  # the engine finds nothing where only exclusions are given
        clauses.append((Occur.Must, Query.const_score_query(Query.all_query(), 0.0)))
    return Query.boolean_query(clauses)
