"""An example at the foot of each command's help, to be copied and changed.

Enters: the program. Leaves: the same, each command with an example. Never here: an example that the command would not
read (a test parses each); one of a command that shows its own.
"""

from __future__ import annotations

import typer

# A command whose docstring has an example of its own stands not here.
EXAMPLES = """
train --as-of 2024-01-21
score --from 2024-01-22 --to 2024-01-26 --as-of 2024-01-21 --out scores.parquet
evaluate --as-of 2024-01-21 --language fr
replay t20240122-0a1b2c3d4e
demo --out demo --language ar
schema --json-schema
serve --policy policies/morocco --check
mapping suggest declarations.csv --out my-source.toml
mapping check declarations.csv --mapping my-source.toml
quarantine list --limit 20
quarantine show 0123456789abcdef:12
quarantine expire --by a.alami --days 365
quarantine export --out rejected.xlsx
quarantine retry --corrected rejected.xlsx
history sync
history verify
history repair --to 12
history erase --by a.alami --motive "CNDP 12/2026" --preview
models list
models show m20240121-0a1b2c3d
models shadow m20240121-0a1b2c3d --by a.alami --motive "two weeks beside the live one"
models promote m20240121-0a1b2c3d --by a.alami --motive "found more in the shadow weeks"
models retire m20231221-0a1b2c3d --by a.alami --motive "replaced"
models compare m20240121-0a1b2c3d --from 2024-01-22 --to 2024-02-02
models rollback --by a.alami --motive "findings fell"
rules new low-price --by a.alami --text "mass < 1" --title Light --reason x --starts 2024-02-01 --expires 2024-08-01
rules import rules.toml --by a.alami
rules check rule.txt
rules try --from 2023-12-01 --to 2023-12-31 rule.txt
rules backtest low-price --from 2023-07-01 --to 2023-12-31 --as-of 2024-01-21
rules compare low-price 1 2
rules submit low-price --by a.alami
rules approve low-price --by b.bennani --motive "back-test of December"
rules reject low-price --by b.bennani --motive "too wide"
rules shadow low-price --by a.alami
rules start low-price --by a.alami
rules retire low-price --by a.alami --motive "found nothing in three months"
rules list
rules show low-price
rules watch --from 2024-02-01 --to 2024-04-30 --as-of 2024-05-15
rules migrate criteria.csv --out rules --lane Red=rouge
rules suggest --from 2023-01-01 --to 2023-12-31 --as-of 2024-01-21 --lane rouge --out drafts
rules prepare --from 2023-01-01 --to 2023-12-31
rules prune --from 2023-01-01 --to 2023-12-31 --as-of 2024-01-21
lists new watched --by a.alami --kind operators --title "Watched importers" --owner "risk unit"
lists add watched 001234567000089 --by a.alami --source "office report" --reason "three findings"
lists import watched entries.csv --by a.alami
lists end watched 3 --by a.alami --motive "cleared"
lists snooze low-price 001234567000089 --by a.alami --reason "inspected twice, compliant" --until 2024-06-30
lists list
lists show watched
lists history watched
lists export watched --out watched.csv
lists match watched 001234567000089
risks new prices --by a.alami --title Prices --owner unit --likelihood 4 --consequence 3 --plan x --review 2024-07-01
risks review prices --by a.alami --motive "fewer findings" --review 2025-01-01 --likelihood 3
risks list
risks show prices
db upgrade
db backup backups/2024-01-22
db restore backups/2024-01-22
db compact
db grants
audit list --from 2024-01-01 --to 2024-01-31
audit runs --day 2024-01-22
audit show t20240122-0a1b2c3d4e
audit verify --heads heads.json
audit heads --out heads.json
audit clock-error --by a.alami --motive "the clock was a day ahead on 22 January"
audit erase --by a.alami --motive "CNDP 12/2026" --person - --preview
audit where --also backups
lab run --out trial --scenario small --preview
lab report trial/results.json
lab strategies
country make small --out world --seed 1
country scenarios
country report world --out world.html
profiles build --as-of 2024-01-21 --keep 3
keys create badr --by a.alami --scope decide --office CASA-PORT
keys list
keys rotate k-0a1b2c3d --by a.alami
keys revoke k-0a1b2c3d --by a.alami --motive "system retired"
users add s.idrissi --by a.alami --name "S. Idrissi" --role inspector
users list
users show s.idrissi
users deactivate s.idrissi --by a.alami
users activate s.idrissi --by a.alami
users erase s.idrissi --by a.alami --motive "left the administration"
users unlock s.idrissi --by a.alami
users role grant s.idrissi inspector --by a.alami --office CASA-PORT
users role revoke s.idrissi inspector --by a.alami --office CASA-PORT
users password reset s.idrissi --by a.alami
sessions revoke --user s.idrissi --by a.alami --motive "lost laptop"
"""


def add_examples(app: typer.Typer) -> None:
    """Give each command its example, as the last line of its help."""
    lines = EXAMPLES.strip().splitlines()
    _add(app, (), lines)


def _add(app: typer.Typer, above: tuple[str, ...], lines: list[str]) -> None:
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _add(group.typer_instance, (*above, str(group.name)), lines)
    for command in app.registered_commands:
        function = command.callback
        name = command.name or (function.__name__.replace("_", "-") if function is not None else "")
        path = " ".join((*above, name))
        # The longest name that begins the line: "users role grant" and not "users role".
        example = next((line for line in lines if f"{line} ".startswith(f"{path} ")), None)
        if example is not None:
            command.epilog = f"Example: basira {example}"
