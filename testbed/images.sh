#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The images in the cluster: stand-in gateway and admin UI in every version of versions.env, PostgreSQL, and a registry
# that knows none of them (so that a wrong tag is answered as a real registry answers it). Built when their inputs have
# changed, loaded when the node lacks them.
# With GATEWAY_IMAGE and ADMIN_UI_IMAGE set (repositories that the cluster can pull from) those two are left to it.
# shellcheck source=testbed/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=testbed/image-lib.sh
. "$(dirname "$0")/image-lib.sh"
locked "images-$CLUSTER"

standin=$TESTBED/standin
if [ -z "${GATEWAY_IMAGE:-}" ]; then
  for version in $GATEWAY_VERSIONS; do
    image "$IMAGES/gateway:$version" "$standin/gateway" --build-arg "STANDIN_VERSION=$version"
    image "$IMAGES/admin-ui:$version" "$standin/admin-ui" --build-arg "STANDIN_VERSION=$version"
  done
fi
image "$IMAGES/postgres:$POSTGRES_TAG" "$TESTBED/images/postgres"
image "$IMAGES/registry:2" "$TESTBED/images/registry"
load
