# The sample API, for docker-compose.yml. Built from the project's folder.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package portcullis-shop --bin shop

FROM debian:bookworm-slim
COPY --from=build /src/target/release/shop /usr/local/bin/shop
# 101 is Envoy's user in its image: it reads the keys that the shop writes.
RUN mkdir /tls && chown 101:101 /tls
USER 101:101
ENTRYPOINT ["shop"]
