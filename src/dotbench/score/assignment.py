"""The cheapest of all largest matchings of a bipartite graph, also where a whole crowd competes for partners.

SciPy's own solvers do not serve here. The dense one needs a matrix of all pairs; the search for a matching inside the
sparse one can take exponential time (scipy issue 26147; seen with 10,000 points of 20 neighbours). So two steps:

1. Cardinality by maximum flow (Dinic). What alternating paths reach from the unmatched rows tells which rows and columns
   are matched in every largest matching (Dulmage-Mendelsohn); edges that no largest matching uses are dropped.
   No cost has to stand for "one pair more", so nothing is lost to rounding.
2. Cost by shortest augmenting paths (Hungarian method, potentials), but from all free nodes at once: one Dijkstra search
   gives each of them its own tree, paths in different trees share no node, and so all are taken together. Some tens of
   searches in compiled code replace thousands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, dijkstra, maximum_flow


@dataclass(frozen=True)
class Graph:
    """Edges between rows 0..rows-1 and columns 0..columns-1, each pair at most once."""

    rows: int
    columns: int
    i: np.ndarray
    j: np.ndarray


def largest_matching(graph: Graph) -> np.ndarray:
    """The column of each row, or -1; as many pairs as possible, at whatever cost."""
    rows, columns, i, j = graph.rows, graph.columns, graph.i, graph.j
    source, sink = rows + columns, rows + columns + 1
    tails = np.concatenate([i, np.full(rows, source), rows + np.arange(columns)])
    heads = np.concatenate([rows + j, np.arange(rows), np.full(columns, sink)])
    flow = maximum_flow(_sparse(np.ones(len(tails), np.int32), tails, heads, sink + 1), source, sink).flow
    flow = flow[:rows].tocoo()
    partner = np.full(rows, -1)
    partner[flow.row[flow.data > 0]] = flow.col[flow.data > 0] - rows
    return partner


def cheapest_largest_matching(graph: Graph, cost: np.ndarray) -> np.ndarray:
    """The column of each row, or -1: of all matchings with the most pairs, one whose costs (none negative, one an edge)
    have the least sum."""
    rows, i, j = graph.rows, graph.i, graph.j
    surplus = surplus_nodes(graph, largest_matching(graph))
    usable = surplus[i] == surplus[rows + j]
    # A side that every largest matching uses up: the columns that rows compete for, and all rows that do not.
    must = np.concatenate([~surplus[:rows], surplus[rows:]])
    number = np.where(must, np.cumsum(must), np.cumsum(~must)) - 1
    turned = surplus[i[usable]]
    row, column = number[i[usable]], number[rows + j[usable]]
    owner = _cover(
        int(must.sum()),
        int((~must).sum()),
        np.where(turned, column, row),
        np.where(turned, row, column),
        cost[usable],
    )
    # Back to rows and columns: a pair is one of each, and rows have the lower numbers.
    one, other = np.flatnonzero(~must)[owner >= 0], np.flatnonzero(must)[owner[owner >= 0]]
    partner = np.full(rows, -1)
    partner[np.minimum(one, other)] = np.maximum(one, other) - rows
    return partner


def surplus_nodes(graph: Graph, partner: np.ndarray) -> np.ndarray:
    """Which nodes (rows, then columns) an alternating path reaches from an unmatched row of a largest matching: the rows
    of which there are too many, and the columns they compete for."""
    rows, nodes = graph.rows, graph.rows + graph.columns
    alone, matched = np.flatnonzero(partner < 0), np.flatnonzero(partner >= 0)
    loose = partner[graph.i] != graph.j
    tails = np.concatenate([graph.i[loose], rows + partner[matched], np.full(len(alone), nodes)])
    heads = np.concatenate([rows + graph.j[loose], matched, alone])
    paths = _sparse(np.ones(len(tails), np.int8), tails, heads, nodes + 1)
    reached = np.zeros(nodes + 1, bool)
    reached[breadth_first_order(paths, nodes, return_predecessors=False)] = True
    return reached[:nodes]


def _cover(must: int, may: int, i: np.ndarray, j: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Every node of the must side gets a partner of the may side: the owner of each may node, or -1."""
    if must == may:
        return _perfect(must, i, j, cost)
    # With a mirror image, in which may nodes without a partner pair with their own reflection for nothing, the
    # matching is perfect and all nodes are alike.
    reflected = np.arange(may)
    owner = _perfect(
        must + may,
        np.concatenate([i, must + j, must + reflected]),
        np.concatenate([j, may + i, reflected]),
        np.concatenate([cost, cost, np.zeros(may)]),
    )[:may]
    return np.where(owner < must, owner, -1)


def _perfect(size: int, i: np.ndarray, j: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """The cheapest perfect matching (there must be one): the row of each column."""
    order = np.argsort(i, kind="stable")
    i, j, cost = i[order], j[order], cost[order]
    edges = len(i)
    # Nodes are rows, then columns. Rows lead to their columns at reduced cost, a matched column to its row for
    # nothing. Only these last arcs change; a free column leads to itself, which harms no search.
    starts = np.concatenate([[0], np.cumsum(np.bincount(i, minlength=size)), edges + 1 + np.arange(size)])
    heads = np.concatenate([size + j, size + np.arange(size)]).astype(np.int32)
    lengths = np.zeros(edges + size)
    row_price, column_price = np.zeros(size), np.zeros(size)
    owner = np.full(size, -1)
    while (owner < 0).any():
        heads[edges:] = np.where(owner < 0, size + np.arange(size), owner)
        # Rounding may leave -1e-17 where there is zero.
        lengths[:edges] = np.maximum(cost - row_price[i] - column_price[j], 0)
        free = np.ones(size, bool)
        free[owner[owner >= 0]] = False
        distance, before, root = dijkstra(
            csr_array((lengths, heads, starts.astype(np.int32)), (2 * size, 2 * size)),
            indices=np.flatnonzero(free),
            min_only=True,
            return_predecessors=True,
        )
        distance = np.minimum(distance, distance[np.isfinite(distance)].max())
        row_price -= distance[:size]
        column_price += distance[size:]
        ends = size + np.flatnonzero((owner < 0) & (before[size:] >= 0))
        ends = ends[np.argsort(distance[ends], kind="stable")]
        nearest = np.unique(root[ends], return_index=True)[1]
        at = ends[nearest]
        while len(at):
            row = before[at]
            owner[at - size] = row
            at = before[row]
            at = at[at >= 0]
    return owner


def _sparse(values: np.ndarray, tails: np.ndarray, heads: np.ndarray, nodes: int) -> csr_array:
    return csr_array((values, (tails, heads)), shape=(nodes, nodes))
