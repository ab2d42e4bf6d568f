//! Zones from GeoJSON (RFC 7946): a FeatureCollection of Polygon or MultiPolygon features, each with the
//! properties `name`, `jurisdiction` and `policy`.

use serde::Deserialize;

use super::{Place, Policy, Polygon, Zone};

/// Most corners of a fence.
const MAX_CORNERS: usize = 100_000;

#[derive(Deserialize)]
struct Collection {
    r#type: String,
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    properties: Properties,
    geometry: Geometry,
}

#[derive(Deserialize)]
struct Properties {
    name: String,
    jurisdiction: String,
    policy: Policy,
}

type Rings = Vec<Vec<Vec<f64>>>;

#[derive(Deserialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Rings),
    MultiPolygon(Vec<Rings>),
}

/// The zones of a GeoJSON text.
///
/// # Errors
/// Which feature is wrong, and why.
pub fn zones(text: &str) -> Result<Vec<Zone>, String> {
    let collection: Collection =
        serde_json::from_str(text).map_err(|error| format!("is no GeoJSON of zones: {error}"))?;
    if collection.r#type != "FeatureCollection" {
        return Err(format!(
            "holds a {}, not a FeatureCollection",
            collection.r#type
        ));
    }
    let mut corners = 0;
    let mut zones = Vec::new();
    for feature in collection.features {
        let Properties {
            name,
            jurisdiction,
            policy,
        } = feature.properties;
        let many = match feature.geometry {
            Geometry::Polygon(rings) => vec![rings],
            Geometry::MultiPolygon(many) => many,
        };
        let mut polygons = Vec::new();
        for rings in many {
            corners += rings.iter().map(Vec::len).sum::<usize>();
            let rings = rings
                .iter()
                .map(|ring| ring_of(ring))
                .collect::<Result<_, _>>();
            let polygon = rings
                .and_then(Polygon::new)
                .map_err(|why| format!("zone {name}: {why}"))?;
            polygons.push(polygon);
        }
        if corners > MAX_CORNERS {
            return Err(format!("more than {MAX_CORNERS} corners"));
        }
        zones.push(Zone {
            name,
            jurisdiction,
            policy,
            polygons,
        });
    }
    Ok(zones)
}

fn ring_of(points: &[Vec<f64>]) -> Result<Vec<Place>, String> {
    let place = |point: &Vec<f64>| match point[..] {
        [lon_deg, lat_deg] | [lon_deg, lat_deg, _] => Ok(Place { lat_deg, lon_deg }),
        _ => Err("a point needs a longitude and a latitude".to_owned()),
    };
    points.iter().map(place).collect()
}
