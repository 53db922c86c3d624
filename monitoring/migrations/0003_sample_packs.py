from datetime import UTC, datetime, timedelta

from django.db import migrations, models


def free_the_days_ahead(apps, schema_editor):
    """From tomorrow on, rows get partitions of a quarter of an hour: days that were made ahead
    become part of `later`. Days with rows stay; the packer empties them in slices."""
    if schema_editor.connection.vendor != "mysql":
        return
    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(
        days=1
    )
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT partition_name FROM information_schema.partitions"
            " WHERE table_schema = DATABASE() AND table_name = 'monitoring_sample'"
            " AND partition_description <> 'MAXVALUE' AND CAST(partition_description AS UNSIGNED) > %s"
            " ORDER BY partition_ordinal_position",
            [int(tomorrow.timestamp())],
        )
        ahead = [name for (name,) in cursor.fetchall()]
        if ahead:
            cursor.execute(
                f"ALTER TABLE monitoring_sample REORGANIZE PARTITION {', '.join(ahead)}, later INTO"
                " (PARTITION later VALUES LESS THAN MAXVALUE)"
            )


class CreateSamplePack(migrations.CreateModel):
    """Partitioned by time on MySQL and MariaDB."""

    storage = {
        "mysql": " PARTITION BY RANGE (`hour`) (PARTITION later VALUES LESS THAN MAXVALUE)",
        "sqlite": "",
    }

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.name)
        sql, params = schema_editor.table_sql(model)
        schema_editor.execute(sql + self.storage[schema_editor.connection.vendor], params or None)


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0002_fullest_file_system"),
    ]

    operations = [
        migrations.RunPython(free_the_days_ahead, migrations.RunPython.noop),
        CreateSamplePack(
            name="SamplePack",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "server_id",
                        "hour",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("server_id", models.PositiveIntegerField()),
                ("hour", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
            ],
            options={
                "verbose_name": "hour of samples",
            },
        ),
        migrations.CreateModel(
            name="Packing",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("claim", models.CharField(blank=True, max_length=32)),
                ("claimed_until", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "packing",
            },
        ),
    ]
