from __future__ import annotations

from typing import Any

import pytest

from tests.sdk.azure_sdk import READER, SCM, AzureSdk

URL = "https://hooks.example/scan"


def service_error() -> type[Exception]:
    from azure.devops.exceptions import AzureDevOpsServiceError

    kind: type[Exception] = AzureDevOpsServiceError
    return kind


def git_of(azure: AzureSdk) -> Any:
    return azure.connect(azure.mint("vso.code_manage")).clients.get_git_client()


@pytest.mark.parametrize("place", ["project", "organization"])
def test_a_repository_is_created_and_deleted(azure: AzureSdk, place: str) -> None:
    from azure.devops.v7_0.git.models import GitRepositoryCreateOptions

    git, home = git_of(azure), azure.organization.project("Payments")
    if place == "project":
        made = git.create_repository(GitRepositoryCreateOptions(name="fresh"), project="Payments")
    else:
        wish = GitRepositoryCreateOptions(name="fresh", project={"id": home.id})
        made = git.create_repository(wish)
    kept = azure.organization.repository("Payments", "fresh")
    assert (kept.id, made.project.id, made.default_branch) == (made.id, home.id, None)
    git.delete_repository(made.id)
    assert azure.organization.repository("Payments", made.id).deleted_at is not None
    with pytest.raises(service_error(), match="TF401019"):
        git.get_repository(made.id)


def test_a_deleted_repository_comes_back_from_the_recycle_bin(azure: AzureSdk) -> None:
    git, kept = git_of(azure), azure.organization.repository("Payments", "ledger")
    git.delete_repository(kept.id)
    (binned,) = git.get_recycle_bin_repositories("Payments")
    assert (binned.id, binned.deleted_by.display_name) == (kept.id, "SCM Service")
    git.restore_repository_from_recycle_bin({"deleted": False}, "Payments", kept.id)
    assert git.get_repository(kept.id).name == "ledger"
    git.delete_repository(kept.id)
    git.delete_repository_from_recycle_bin("Payments", kept.id)
    assert git.get_recycle_bin_repositories("Payments") == []


def test_a_repository_is_renamed_and_disabled_and_keeps_its_id(azure: AzureSdk) -> None:
    git, kept = git_of(azure), azure.organization.repository("Payments", "ledger")
    assert git.update_repository({"name": "general-ledger"}, kept.id).id == kept.id
    assert git.update_repository({"isDisabled": True}, kept.id).is_disabled
    now = azure.organization.repository("Payments", "general-ledger")
    assert (now.id, now.is_disabled) == (kept.id, True)


def test_a_taken_name_is_the_clients_error(azure: AzureSdk) -> None:
    with pytest.raises(service_error(), match="TF400948") as refused:
        git_of(azure).create_repository({"name": "ledger"}, project="Payments")
    assert getattr(refused.value, "type_key", "") == "GitRepositoryNameAlreadyExistsException"


def test_a_project_is_created_once_its_operation_has_ended(azure: AzureSdk) -> None:
    from azure.devops.v7_0.core.models import TeamProject

    clients = azure.connect(azure.mint("vso.project_manage")).clients
    core, operations = clients.get_core_client(), clients.get_operations_client()
    control = {"versioncontrol": {"sourceControlType": "Git"}}
    queued = core.queue_create_project(TeamProject(name="Zed", capabilities=control))
    states = [operations.get_operation(queued.id).status for _ in range(2)]
    assert (queued.status, states) == ("notSet", ["inProgress", "succeeded"])
    made = azure.organization.project("Zed")
    assert core.get_project("Zed").state == made.state == "wellFormed"
    core.queue_delete_project(made.id)
    assert "Zed" not in {project.name for project in core.get_projects()}


def subscription(azure: AzureSdk, **consumer: str) -> Any:
    from azure.devops.v7_0.service_hooks.models import Subscription

    return Subscription(
        publisher_id="tfs",
        event_type="git.push",
        resource_version="1.0",
        consumer_id="webHooks",
        consumer_action_id="httpRequest",
        publisher_inputs={"projectId": azure.organization.project("Payments").id},
        consumer_inputs={"url": URL, **consumer},
    )


def test_a_subscription_is_created_listed_replaced_and_deleted(azure: AzureSdk) -> None:
    hooks = azure.connect().clients.get_service_hooks_client()
    made = hooks.create_subscription(subscription(azure, basicAuthPassword="invented"))
    assert [found.id for found in hooks.list_subscriptions()] == [made.id]
    assert hooks.list_subscriptions(event_type="build.complete") == []
    assert hooks.get_subscription(made.id).consumer_inputs["basicAuthPassword"] == "********"
    assert made.created_by.id == azure.organization.user(SCM).id

    made.consumer_inputs["url"] = "https://hooks.example/other"
    hooks.replace_subscription(made, made.id)
    kept = azure.organization.estate.subscriptions[made.id].body["consumerInputs"]
    assert kept == {"url": "https://hooks.example/other", "basicAuthPassword": "invented"}

    hooks.delete_subscription(made.id)
    assert not azure.organization.estate.subscriptions
    with pytest.raises(service_error(), match="could not be found"):
        hooks.get_subscription(made.id)


def test_subscriptions_are_queried_by_the_project_they_watch(azure: AzureSdk) -> None:
    from azure.devops.v7_0.service_hooks.models import SubscriptionsQuery

    hooks = azure.connect().clients.get_service_hooks_client()
    made = hooks.create_subscription(subscription(azure))

    def ask(project: str) -> list[str]:
        value = azure.organization.project(project).id
        condition = {"inputId": "projectId", "operator": "equals", "inputValue": value}
        wish = SubscriptionsQuery(
            publisher_id="tfs", publisher_input_filters=[{"conditions": [condition]}]
        )
        return [found.id for found in hooks.create_subscriptions_query(wish).results or ()]

    assert (ask("Payments"), ask("Platform")) == ([made.id], [])


def test_a_subscription_without_an_address_is_the_clients_error(azure: AzureSdk) -> None:
    hooks = azure.connect().clients.get_service_hooks_client()
    with pytest.raises(service_error(), match="url"):
        hooks.create_subscription(subscription(azure, url=""))
    assert not azure.organization.estate.subscriptions


def test_somebody_without_the_permission_makes_no_subscription(azure: AzureSdk) -> None:
    reader = azure.connect(azure.mint("vso.code", owner=READER))
    with pytest.raises(service_error(), match="Edit subscriptions"):
        reader.clients.get_service_hooks_client().create_subscription(subscription(azure))
