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
        trials=get_table_trials,
        code=code_digest("dotbench.report.tables"),
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/table.py"


rule table_trials:
    localrule: True
    input:
        get_scores,
    output:
        multiext("<results>/tables/trials", ".csv", ".md", ".tex"),
        multiext("<results>/tables/cost", ".csv", ".md", ".tex"),
        multiext("<results>/tables/failed", ".csv", ".md", ".tex"),
        report(
            "<results>/tables/trials.html",
            caption="../report/trials.rst",
            category="Every trial",
            labels={"table": "all trials"},
        ),
        report(
            "<results>/tables/cost.html",
            caption="../report/cost_table.rst",
            category="Every trial",
            labels={"table": "what it cost"},
        ),
        report(
            "<results>/tables/failed.html",
            caption="../report/failed.rst",
            category="Every trial",
            labels={"table": "what failed"},
        ),
    log:
        "<logs>/table_trials.log",
    params:
        code=code_digest(*(f"dotbench.report.{table}_table" for table in ("trials", "cost", "failures"))),
    conda:
        "../../envs/base.yaml"
    script:
        "../scripts/table_trials.py"
