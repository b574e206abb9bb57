# A Faasm host: `docker build -t faasm .`, then `docker run -p 127.0.0.1:8001:8001 faasm`; several in docker-compose.yml.
# The Node that runs it is the one of package-lock.json, by its hash, and not one of an image.

FROM node:22-bookworm-slim AS packages
WORKDIR /faasm
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home faasm
WORKDIR /faasm
COPY --from=packages /faasm/node_modules node_modules
COPY package.json ./
COPY proto proto
COPY src src
COPY actors actors
COPY func func
ENV NODE_ENV=production \
    PATH=/faasm/node_modules/.bin:$PATH \
    FAASM_DATA=/data \
    FAASM_LISTEN=0.0.0.0
USER faasm
VOLUME /data
EXPOSE 8001 8002 4222
ENTRYPOINT ["node", "actors/launch.js"]
CMD ["start"]
