"""Large objects: which there are, and the COPY that reads a range of them.

Pages are read from ``pg_largeobject`` itself, under the snapshot like any table. The usual dump
asks for a privilege on each object; ``SELECT`` on this one table covers all (faults.md M6).
"""

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.model.contents import LargeObject, LargeObjectRange

_OBJECTS = """
SELECT m.oid::bigint, pg_catalog.pg_get_userbyid(m.lomowner), m.lomacl::text[],
       pg_catalog.obj_description(m.oid, 'pg_largeobject')
FROM pg_catalog.pg_largeobject_metadata m ORDER BY 1
"""

_SIZES = """
SELECT loid::bigint, sum(octet_length(data))::bigint FROM pg_catalog.pg_largeobject
GROUP BY 1 ORDER BY 1
"""

# A page is a quarter of a block (LOBLKSIZE in the server's source); holes have no page.
_COPY = """COPY (SELECT loid, pageno::bigint * (current_setting('block_size')::bigint / 4), data
 FROM pg_catalog.pg_largeobject WHERE {bounds} ORDER BY loid, pageno) TO STDOUT WITH (FORMAT text)"""


def read_large_objects(connection: Connection) -> tuple[LargeObject, ...]:
    """Return every large object without its bytes, by oid."""
    return tuple(
        LargeObject(
            oid=int(str(oid)),
            owner=str(owner),
            acl=tuple(str(item) for item in acl) if isinstance(acl, list) else None,
            comment=None if comment is None else str(comment),
        )
        for oid, owner, acl, comment in connection.execute(_OBJECTS)
    )


def read_large_object_sizes(connection: Connection) -> list[tuple[int, int]]:
    """Return (oid, bytes) of every large object that has bytes, by oid."""
    return [(int(str(oid)), int(str(size))) for oid, size in connection.execute(_SIZES)]


def copy_large_objects_statement(oids: LargeObjectRange) -> str:
    """Return the COPY that writes rows of oid, offset in bytes, and bytes for a range of oids."""
    bounds = [f"loid >= {oids.first}"]
    if oids.end is not None:
        bounds.append(f"loid < {oids.end}")
    return _COPY.format(bounds=" AND ".join(bounds)).replace("\n", " ")
