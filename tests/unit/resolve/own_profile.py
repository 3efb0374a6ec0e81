"""A consumer profile of a user's own, and connections that use it."""

from __future__ import annotations

from tests.unit.load.project_files import CONNECTION, CONSUMER

PROFILE = """\
apiVersion: reconciler/v1
kind: ConsumerProfile
metadata: {name: mine}
spec:
  title: Mine
  selection: token
  severalAccounts: false
  methods:
    - provider: bitbucket-cloud
      type: access-token
      login: none
      levels: [workspace, project]
      maxDays: 90
      scopes:
        - {name: repository, feature: reading}
        - {name: webhook, feature: hooks, required: false}
      source: {url: "https://mine.example/docs", checked: 2026-11-21}
    - provider: bitbucket-cloud
      type: oauth-consumer
      login: username
      source: {url: "https://mine.example/docs", checked: 2026-11-21}
    - provider: bitbucket-cloud
      type: identity-provider
      login: none
      retired: 2026-01-31
      replacement: access-token
      source: {url: "https://mine.example/docs", checked: 2026-11-21}
    - provider: bitbucket-data-center
      type: http-access-token
      login: username
      source: {url: "https://mine.example/docs", checked: 2026-11-21}
    - provider: bitbucket-cloud
      type: service-principal
      login: none
      source: {url: "https://mine.example/docs", checked: 2026-11-21}
"""
MINE = CONSUMER.replace("profile: ox, credential: {env: OX_API_KEY}", "profile: mine")


def with_method(spec: str, consumer: str = CONSUMER) -> dict[str, str]:
    connection = CONNECTION.replace("method: bot", f"method: {spec}")
    return {"connection.yaml": connection, "consumer.yaml": consumer, "profile.yaml": PROFILE}


def token(more: str = "", level: str = "workspace") -> str:
    return f"{{type: access-token, level: {level}, secret: {{env: A}}{more}}}"
