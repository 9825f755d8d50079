# Each paper's tables with our values beside the printed ones; all cells in one table; and what failed.
rule table:
    localrule: True
    input:
        get_table_inputs,
    output:
        multiext("<results>/tables/{paper}/{table}", ".csv", ".md", ".tex"),
        report(
            "<results>/tables/{paper}/{table}.html",
            caption="../report/table.rst",
            category="Papers' tables",
            labels={"paper": "{paper}", "table": "{table}"},
        ),
    log:
        "<logs>/table/{paper}/{table}.log",
    params:
        paper=get_paper_digest,
        cells=get_table_cells,
        code=code_digest("dotbench.report.tables"),
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/table.py"


rule table_cells:
    localrule: True
    input:
        get_scores,
    output:
        multiext("<results>/tables/cells", ".csv", ".md", ".tex"),
        multiext("<results>/tables/cost", ".csv", ".md", ".tex"),
        multiext("<results>/tables/failed", ".csv", ".md", ".tex"),
        report(
            "<results>/tables/cells.html",
            caption="../report/cells.rst",
            category="Every cell",
            labels={"table": "all cells"},
        ),
        report(
            "<results>/tables/cost.html",
            caption="../report/cost_table.rst",
            category="Every cell",
            labels={"table": "what it cost"},
        ),
        report(
            "<results>/tables/failed.html",
            caption="../report/failed.rst",
            category="Every cell",
            labels={"table": "what failed"},
        ),
    log:
        "<logs>/table_cells.log",
    params:
        code=code_digest(*(f"dotbench.report.{table}_table" for table in ("cells", "cost", "failures"))),
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/table_cells.py"
